import FunctionChannel
import NIOCore
import Synchronization

/// Every connection that a server has accepted and not yet seen the end of.
final class Connections: Sendable {
    private let channels = Mutex<[ObjectIdentifier: any Channel]>([:])
    private let gate: Gate
    private let draining = Atomic(false)

    init(limit: Int) { gate = Gate(limit: limit) }

    var count: Int { gate.count }

    /// - Returns: whether there was room for it. It is forgotten when it closes.
    func add(_ channel: any Channel) -> Bool {
        guard gate.enter() else { return false }
        let id = ObjectIdentifier(channel)
        channels.withLock { $0[id] = channel }
        channel.closeFuture.whenComplete { _ in
            self.channels.withLock { $0[id] = nil }
            self.gate.leave()
        }
        return true
    }

    /// Whether connections that come now are to be told as well: one may have been accepted before its listener closed.
    var isDraining: Bool { draining.load(ordering: .sequentiallyConsistent) }

    func fire(_ event: StopEvent) {
        draining.store(true, ordering: .sequentiallyConsistent)
        for channel in all { channel.pipeline.fireUserInboundEventTriggered(event) }
    }

    func closeAll() {
        for channel in all { channel.close(promise: nil) }
    }

    /// Returns once all are closed, or the task is cancelled.
    func whenEmpty() async { await gate.whenEmpty() }

    private var all: [any Channel] { channels.withLock { Array($0.values) } }
}
