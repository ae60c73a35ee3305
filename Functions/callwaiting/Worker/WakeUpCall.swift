import Logging
import PostgresClient

/// Lets a line of work sleep until something is due, or until somebody says so (`notify callwaiting_worker`).
///
/// Where notifications do not arrive (the database is away, or a pooler in transaction mode is between), a wait is as
/// long as its time: the look that follows it finds what is due all the same.
actor WakeUpCall {
    /// What private.wake_workers() notifies.
    private static let channel = "callwaiting_worker"
    /// From an attempt to listen that failed to the next one.
    private static let patience = Duration.seconds(30)

    private let databaseURL: String
    private let logger: Logger
    private var connection: PlainConnection?
    private var nextAttempt = ContinuousClock.now

    init(databaseURL: String, logger: Logger) {
        self.databaseURL = databaseURL
        self.logger = logger
    }

    /// Returns after `time`, or sooner when woken, or when the task is cancelled.
    func wait(atMost time: Duration) async {
        let deadline = ContinuousClock.now + time
        do {
            let wasListening = connection != nil
            if let connection = try await listening() {
                // What was said before there was somebody to hear it is found by looking once more.
                guard wasListening, try await connection.notification(before: deadline) != nil else { return }
                // All that has come by now is one reason to look.
                while try await connection.notification(before: .now) != nil {}
                return
            }
        } catch {
            connection = nil
            nextAttempt = .now + Self.patience
            if !Task.isCancelled {
                logger.warning("worker not woken, it looks by itself", metadata: ["cause": "\(error)"])
            }
        }
        // Cancelling ends the sleep, and there is nothing else to say of it.
        try? await Task.sleep(until: deadline, clock: .continuous)
    }

    private func listening() async throws(DatabaseError) -> PlainConnection? {
        if let connection { return connection }
        guard nextAttempt <= .now else { return nil }
        let new = try await PlainConnection(databaseURL, applicationName: "callwaiting worker", logger: logger)
        try await new.execute("listen \(Self.channel)")
        connection = new
        return new
    }

    func close() async {
        await connection?.close()
        connection = nil
    }
}
