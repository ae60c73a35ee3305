import Synchronization

/// Counts what is inside (requests being answered, connections open) and lets in no more than its limit.
public final class Gate: Sendable {
    /// What a gate has seen.
    public struct Statistics: Sendable {
        /// Inside now.
        public var count = 0
        /// Most that were ever inside at once.
        public var maximum = 0
        /// Let in since the start.
        public var entered = 0
        /// Turned away since the start.
        public var refused = 0
    }

    private struct State {
        var statistics = Statistics()
        var waiters: [Int: CheckedContinuation<Void, Never>] = [:]
        var waitersSoFar = 0
    }

    /// How many may be inside at once.
    public let limit: Int
    private let state = Mutex(State())

    public init(limit: Int) { self.limit = limit }

    /// How many are inside now.
    public var count: Int { statistics.count }

    public var statistics: Statistics { state.withLock { $0.statistics } }

    /// - Returns: whether there was room. Whoever is told yes calls ``leave()`` once.
    public func enter() -> Bool {
        state.withLock { state in
            guard state.statistics.count < limit else {
                state.statistics.refused += 1
                return false
            }
            state.statistics.count += 1
            state.statistics.entered += 1
            state.statistics.maximum = max(state.statistics.maximum, state.statistics.count)
            return true
        }
    }

    public func leave() {
        let waiters: [CheckedContinuation<Void, Never>] = state.withLock { state in
            state.statistics.count -= 1
            guard state.statistics.count == 0, !state.waiters.isEmpty else { return [] }
            defer { state.waiters = [:] }
            return Array(state.waiters.values)
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
                    guard state.statistics.count > 0, !Task.isCancelled else { return false }
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
