/// How often, and after what pauses, a failed request is made again. Always within the deadline.
public struct RetryPolicy: Sendable {
    /// Requests made in all, the first one included.
    public var attempts: Int
    /// The pause before the second attempt; it doubles each time.
    public var firstPause: Duration
    public var longestPause: Duration
    /// An attempt that has less time than this is not made.
    public var shortestAttempt: Duration

    /// Waits between two attempts; tests do not.
    var sleep: @Sendable (Duration) async throws -> Void = { try await Task.sleep(for: $0) }

    public init(
        attempts: Int = 3, firstPause: Duration = .milliseconds(300), longestPause: Duration = .seconds(5),
        shortestAttempt: Duration = .seconds(1)
    ) {
        self.attempts = attempts
        self.firstPause = firstPause
        self.longestPause = longestPause
        self.shortestAttempt = shortestAttempt
    }

    /// - Parameter jitter: 0 to 1, random, so that many callers do not come back at the same moment.
    func pause(after attempt: Int, jitter: Double) -> Duration {
        let full = min(firstPause * Double(1 << min(attempt - 1, 16)), longestPause)
        return full * (0.5 + jitter / 2)
    }
}
