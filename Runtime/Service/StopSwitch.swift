import Synchronization

/// Counts the times a server was asked to stop: the first begins to drain it, the second ends the draining.
final class StopSwitch: Sendable {
    private struct State {
        var presses = 0
        var waiters: [(id: Int, presses: Int, continuation: CheckedContinuation<Void, Never>)] = []
        var waitersSoFar = 0
    }

    private let state = Mutex(State())

    func press() {
        let due = state.withLock { state in
            state.presses += 1
            let due = state.waiters.filter { $0.presses <= state.presses }
            state.waiters.removeAll { $0.presses <= state.presses }
            return due
        }
        for waiter in due { waiter.continuation.resume() }
    }

    /// Returns once it has been pressed so many times, or the task is cancelled.
    func wait(presses: Int) async {
        let id = state.withLock { state in
            state.waitersSoFar += 1
            return state.waitersSoFar
        }
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let waits = state.withLock { state in
                    guard state.presses < presses, !Task.isCancelled else { return false }
                    state.waiters.append((id, presses, continuation))
                    return true
                }
                if !waits { continuation.resume() }
            }
        } onCancel: {
            let waiter = state.withLock { state in
                state.waiters.firstIndex { $0.id == id }.map { state.waiters.remove(at: $0) }
            }
            waiter?.continuation.resume()
        }
    }
}
