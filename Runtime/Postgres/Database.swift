import Logging

/// Postgres, for code that serves requests: transactions go out in pipelined batches over a few connections.
///
/// Connects when first needed, and again after the server was away. Shared by all tasks of a process; each connection
/// has a thread of its own, so waiting for Postgres never blocks the caller's thread.
public final class Database: Sendable {
    private let target: ConnectionTarget
    private let fast: LaneConnections
    /// None: what is durable goes over the fast lane.
    private let durable: LaneConnections?
    private let slow: LaneConnections
    private let logger: Logger

    /// - Throws: `.invalidConnectionString`. Does not connect.
    public init(_ configuration: Configuration, logger: Logger) throws(DatabaseError) {
        let target = try ConnectionTarget(
            configuration.connectionString, applicationName: configuration.applicationName,
            connectTimeout: configuration.connectTimeout)
        let direct = !target.isTransactionPooler
        let limits = LaneQueue.Limits(
            queue: configuration.queueLimit, batch: configuration.batch && direct ? configuration.batchLimit : 1,
            firstDelay: configuration.reconnectDelay, longestDelay: configuration.longestReconnectDelay)
        // A batch waits for its slowest member, and commits one after another. One to a connection, commits wait for the disk
        // together.
        var singly = limits
        singly.batch = 1
        let options = PipelinedConnection.Options(
            prepared: direct ? configuration.prepared : .never, verifiesLoginRole: configuration.verifiesLoginRole,
            statementTimeout: configuration.statementTimeout, tick: limits.patience)
        var slowOptions = options
        slowOptions.statementTimeout = configuration.slowStatementTimeout
        self.target = target
        self.logger = logger
        fast = LaneConnections(
            .fast, count: configuration.connections, limits: limits, target: target, options: options,
            logger: logger)
        durable =
            configuration.durableConnections == 0
            ? nil
            : LaneConnections(
                .durable, count: configuration.durableConnections, limits: singly, target: target,
                options: options, logger: logger)
        slow = LaneConnections(
            .slow, count: configuration.slowConnections, limits: singly, target: target, options: slowOptions,
            logger: logger)
    }

    deinit {
        for lane in lanes { lane.close() }
    }

    /// Runs a transaction and returns the rows of each of its statements, in order.
    ///
    /// Returns only when the commit has been answered. Cancelling the task drops a transaction that has not been sent;
    /// of one that has, the answer is read and dropped.
    /// - Parameter deadline: How long the caller wants to wait; the server bounds each statement by itself.
    /// - Throws: `.unavailable` at once when the queue is full or the server is known to be away, and when the deadline
    ///   passes; `.sqlState` when the server refused, having rolled back; `.cancelled`; `.invalidStatement`;
    ///   `.loginRoleTooStrong`. Where `outcomeUnknown` is true it had been sent, and may have been committed.
    public func run(
        _ transaction: Transaction, deadline: ContinuousClock.Instant
    ) async throws(DatabaseError) -> [Rows] {
        if let problem = transaction.problem { throw DatabaseError(.invalidStatement, problem) }
        guard transaction.lane == .durable, let durable else {
            return try await run(transaction, over: transaction.lane == .slow ? slow : fast, deadline: deadline)
        }
        do throws(DatabaseError) {
            return try await run(transaction, over: durable, deadline: deadline)
        } catch where error.kind == .unavailable(.notConnected) && !error.outcomeUnknown {
            // Postgres may take no more connections while those of the fast lane are up.
            return try await run(transaction, over: fast, deadline: deadline)
        }
    }

    private func run(
        _ transaction: Transaction, over lane: LaneConnections, deadline: ContinuousClock.Instant
    ) async throws(DatabaseError) -> [Rows] {
        let now = ContinuousClock.now
        guard now < deadline else {
            throw DatabaseError(.unavailable(.deadline), "the deadline had passed before it began")
        }
        let job = Job(transaction, deadline: deadline, submitted: now)
        if transaction.shielded { return try await lane.answer(to: job).get() }
        return try await withTaskCancellationHandler {
            await lane.answer(to: job)
        } onCancel: {
            lane.cancel(job)
        }.get()
    }

    /// Runs one statement as a transaction of its own, and returns its rows. Throws as `run` does.
    public func query(
        _ statement: Statement, as role: DatabaseRole, claims: String? = nil, lane: Lane = .fast,
        shielded: Bool = false,
        deadline: ContinuousClock.Instant
    ) async throws(DatabaseError) -> Rows {
        let transaction = Transaction(as: role, claims: claims, lane: lane, shielded: shielded, [statement])
        return try await run(transaction, deadline: deadline)[0]
    }

    /// For start-up: connects once, and looks at what the login role may do by itself.
    /// - Throws: `.loginRoleTooStrong` when it is a superuser, has BYPASSRLS, CREATEROLE or REPLICATION, owns anything
    ///   in the database, inherits privileges of a role it is a member of, or can switch to one of the first two;
    ///   `.unavailable` when there is no connection, or no answer within twice the time that connecting may take.
    public func verifyLoginRole() async throws(DatabaseError) {
        let connection = try await PlainConnection(to: target, logger: logger)
        let examined: Result<Rows, DatabaseError>
        do throws(DatabaseError) {
            examined = .success(try await connection.query(LoginRole.examination, within: target.connectTimeout))
        } catch {
            examined = .failure(error)
        }
        await connection.close()
        try LoginRole.verify(examined.get())
    }

    /// Accepts nothing more, does what is waiting, and returns when all connections are closed, or when `time` is over:
    /// a server that does not answer keeps nobody from ending.
    public func shutdown(within time: Duration = .seconds(10)) async {
        let deadline = ContinuousClock.now + time
        // None waits for another: each has all of the time.
        await withDiscardingTaskGroup { group in
            for lane in lanes { group.addTask { await lane.shutdown(until: deadline) } }
        }
    }

    /// Of all lanes together.
    public var statistics: Statistics { lanes.reduce(into: Statistics()) { $0 = $0 + $1.statistics } }

    /// Nothing but zeros for a lane that there is not.
    public func statistics(of lane: Lane) -> Statistics {
        switch lane {
        case .fast: fast.statistics
        case .durable: durable?.statistics ?? Statistics()
        case .slow: slow.statistics
        }
    }

    private var lanes: [LaneConnections] { [fast, durable, slow].compactMap { $0 } }
}
