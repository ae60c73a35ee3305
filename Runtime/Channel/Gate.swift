import Synchronization

/// Counts what is inside (requests being answered, connections open) and lets in no more than its limit.
public final class Gate: Sendable {
    private struct State {
        var count = 0
        var waiters: [Int: CheckedContinuation<Void, Never>] = [:]
        var waitersSoFar = 0
    }

    /// How many may be inside at once.
    public let limit: Int
    private let state = Mutex(State())

    public init(limit: Int) { self.limit = limit }

    /// How many are inside now.
    public var count: Int { state.withLock { $0.count } }

    /// - Returns: whether there was room. Whoever is told yes calls ``leave()`` once.
    public func enter() -> Bool {
        state.withLock { state in
            guard state.count < limit else { return false }
            state.count += 1
            return true
        }
    }

    public func leave() {
        let waiters = state.withLock { state in
            state.count -= 1
            defer { if state.count == 0 { state.waiters = [:] } }
            return state.count == 0 ? Array(state.waiters.values) : []
        }
        for waiter in waiters { waiter.resume() }
    }

    /// Returns once nobody is inside, or the task is cancelled.
    public func whenEmpty() async {
        let id = state.withLock { state in
            state.waitersSoFar += 1
            return state.waitersSoFar
        }
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let waits = state.withLock { state in
                    // Cancellation is looked at under the lock: `onCancel` either comes later and finds the waiter, or
                    // has come already.
                    guard state.count > 0, !Task.isCancelled else { return false }
                    state.waiters[id] = continuation
                    return true
                }
                if !waits { continuation.resume() }
            }
        } onCancel: {
            state.withLock { $0.waiters.removeValue(forKey: id) }?.resume()
        }
    }
}
