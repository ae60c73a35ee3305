import Synchronization

/// A value that tasks wait on until it is as they need it.
final class Watched<Value: Sendable>: Sendable {
    private struct State {
        var value: Value
        var waiters: [(id: Int, condition: @Sendable (Value) -> Bool, continuation: CheckedContinuation<Void, Never>)] =
            []
        var waitersSoFar = 0
    }

    private let state: Mutex<State>

    init(_ value: Value) { state = Mutex(State(value: value)) }

    var value: Value { state.withLock { $0.value } }

    @discardableResult
    func update<Result: Sendable>(_ change: @Sendable (inout Value) -> Result) -> Result {
        let (result, due) = state.withLock { state in
            let result = change(&state.value)
            let value = state.value
            let due = state.waiters.filter { $0.condition(value) }
            state.waiters.removeAll { $0.condition(value) }
            return (result, due.map(\.continuation))
        }
        for continuation in due { continuation.resume() }
        return result
    }

    /// Returns once `condition` holds, or the task is cancelled.
    func wait(until condition: @escaping @Sendable (Value) -> Bool) async {
        let id = state.withLock { state in
            state.waitersSoFar += 1
            return state.waitersSoFar
        }
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let waits = state.withLock { state in
                    // Cancellation is looked at under the lock: `onCancel` either comes later and finds the waiter, or
                    // has come already.
                    guard !condition(state.value), !Task.isCancelled else { return false }
                    state.waiters.append((id, condition, continuation))
                    return true
                }
                if !waits { continuation.resume() }
            }
        } onCancel: {
            let continuation = state.withLock { state in
                state.waiters.firstIndex { $0.id == id }.map { state.waiters.remove(at: $0).continuation }
            }
            continuation?.resume()
        }
    }
}

/// - Returns: which of `works` ended first, by index; nil when none did in time. The others are cancelled.
func first(within time: Duration, _ works: [@Sendable () async -> Void]) async -> Int? {
    await withTaskGroup(of: Int?.self) { group in
        for (index, work) in works.enumerated() {
            group.addTask {
                await work()
                return index
            }
        }
        group.addTask {
            // Thrown only when another was first.
            try? await Task.sleep(for: time)
            return nil
        }
        defer { group.cancelAll() }
        return await group.next() ?? nil
    }
}
