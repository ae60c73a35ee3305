import DevHost
import Glibc

/// The development host. It links no function of the product: it runs `callwaiting` as production does, and speaks HTTP
/// with it.
///
/// The main thread only waits for signals, so that every other thread can leave them alone.
@main
enum Main {
    static func main() {
        Watcher.runIfAsked()
        Signals.hold()
        Task.detached { await DevCommand.runToExit() }
        Signals.receive { _ in StopRequests.shared.add() }
    }
}
