import PostgresClient

/// Runs `work` again while the database is not available, with growing pauses, as long as the deadline allows. For work
/// that is idempotent only.
///
/// Throws the last error; or one that left the outcome unknown, if there was any: that a later attempt was refused for
/// certain says nothing of what an earlier one may have done.
///
/// Works in a cancelled task too: the pauses are slept in a task of their own.
func retryingWhileUnavailable<Result: Sendable>(
    until deadline: ContinuousClock.Instant, _ work: @Sendable () async throws -> Result
) async throws -> Result {
    var pause = Duration.milliseconds(50)
    var unknown: DatabaseError?
    while true {
        do {
            return try await work()
        } catch let error as DatabaseError {
            if error.outcomeUnknown { unknown = error }
            guard error.meansUnavailable, .now + pause < deadline else { throw unknown ?? error }
            let until = pause
            await Task { try? await Task.sleep(for: until) }.value
            pause = min(pause * 2, .seconds(1))
        }
    }
}

/// Runs `work` to its end although the caller may leave meanwhile: in a task of its own, on the executor that the
/// caller's prefers. That one lives on, since the caller waits.
public func shielded<Result: Sendable>(
    _ work: @escaping @Sendable () async throws -> Result
) async throws -> Result {
    let executor = withUnsafeCurrentTask { $0?.unownedTaskExecutor?.asTaskExecutor() }
    return try await Task.immediate(executorPreference: executor) { try await work() }.value
}
