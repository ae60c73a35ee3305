import Synchronization

/// Ctrl-C and its like, counted: the first asks for an end in good order, the second for one at once.
final class StopRequests: Sendable {
    static let shared = StopRequests()

    private struct State {
        var count = 0
        var handler: (@Sendable (Int) -> Void)?
    }

    private let state = Mutex(State())

    func add() {
        let (count, handler) = state.withLock { state in
            state.count += 1
            return (state.count, state.handler)
        }
        handler?(count)
    }

    /// Has `handler` called with the number of every request, also of the one that came before.
    func handle(_ handler: @escaping @Sendable (Int) -> Void) {
        let count = state.withLock { state in
            state.handler = handler
            return state.count
        }
        if count > 0 { handler(count) }
    }
}
