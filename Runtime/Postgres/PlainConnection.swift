import Logging
import Synchronization

/// One ordinary connection on a thread of its own: for migrations, advisory locks and LISTEN, which need a session.
///
/// Operations run one after another, in the order in which they were asked for. It logs in as whoever the connection
/// string names and does not switch roles. Close it when done; forgetting it closes it too.
public final class PlainConnection: Sendable {
    private let thread: ConnectionThread

    /// Connects.
    /// - Throws: `.invalidConnectionString`, or `.unavailable(.notConnected)`.
    public convenience init(
        _ connectionString: String, applicationName: String = "callwaiting", connectTimeout: Duration = .seconds(5),
        logger: Logger
    ) async throws(DatabaseError) {
        let target = try ConnectionTarget(
            connectionString, applicationName: applicationName, connectTimeout: connectTimeout)
        try await self.init(to: target, logger: logger)
    }

    init(to target: ConnectionTarget, logger: Logger) async throws(DatabaseError) {
        thread = ConnectionThread(target: target, logger: logger)
        try await thread.perform { _, _ throws(DatabaseError) in }
    }

    deinit {
        thread.close()
    }

    /// Runs a script of any number of commands, with no parameters. Unless it says `begin` itself, Postgres runs it as
    /// one transaction. Cancelling the task asks the server to stop.
    public func execute(_ script: String) async throws(DatabaseError) {
        try await thread.perform { connection, operation throws(DatabaseError) in
            try connection.execute(script, wakeUp: operation.wakeUp) { operation.patience }
        }
    }

    /// Runs one statement and returns its rows. Cancelling the task asks the server to stop.
    @discardableResult
    public func query(_ statement: Statement) async throws(DatabaseError) -> Rows {
        try await thread.perform { connection, operation throws(DatabaseError) in
            try connection.query(statement, wakeUp: operation.wakeUp) { operation.patience }
        }
    }

    /// Runs one statement, and gives the connection up when its answer takes longer than `time`.
    func query(_ statement: Statement, within time: Duration) async throws(DatabaseError) -> Rows {
        let deadline = ContinuousClock.now + time
        return try await thread.perform { connection, operation throws(DatabaseError) in
            try connection.query(statement, wakeUp: operation.wakeUp) {
                .now < deadline ? operation.patience : .giveUp
            }
        }
    }

    /// Waits for the next notification on a channel that this connection listens to (`execute("listen …")`).
    /// - Returns: Nil when the deadline passes first.
    /// - Throws: `.unavailable(.connectionLost)`; `.cancelled` when the task is.
    public func notification(before deadline: ContinuousClock.Instant) async throws(DatabaseError) -> Notification? {
        try await thread.perform { connection, operation throws(DatabaseError) in
            try connection.notification(before: deadline, operation)
        }
    }

    /// Ends the session, once what was asked for before is done.
    public func close() async {
        await thread.end()
    }
}

/// What `notify` sent.
public struct Notification: Sendable, Equatable {
    public let channel: String
    public let payload: String
}
