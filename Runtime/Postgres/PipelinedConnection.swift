import CPostgres
import Logging

/// A connection in pipeline mode: sends batches of transactions and reads their answers. Belongs to one thread.
final class PipelinedConnection {
    private let connection: Connection
    private let options: Options
    private var prepared: PreparedStatements
    private var pipeline = Pipeline()
    private var mustBeReplaced = false
    private let settings: String
    private let statementTimeout: String

    struct Options: Sendable {
        var prepared: Database.Prepared
        var verifiesLoginRole: Bool
        /// For each statement, by the server.
        var statementTimeout: Duration
        /// How much longer than its statement timeouts the server may be silent before it counts as gone.
        var silence: Duration = .seconds(5)
        /// How often `tick` is called while answers are awaited, and how long the server may say nothing before it is silent.
        var tick: Duration
    }

    /// A batch's end.
    enum Ending {
        case reusable
        /// Every answer was read, but the connection must not be used again.
        case replace
        case lost(DatabaseError)
    }

    /// A transaction's settings, in one command and bound: role and claims.
    private static let settings = """
        select set_config('role', $1, true), set_config('request.jwt.claims', $2, true)
        """

    /// The same where somebody else may use the server's process between our transactions, so that the time for each
    /// statement, in milliseconds, has to be set every time. It costs Postgres as much as the rest.
    private static let settingsWithTimeout = """
        select set_config('role', $1, true), set_config('request.jwt.claims', $2, true), \
        set_config('statement_timeout', $3, true)
        """

    /// Sets the time for each statement once and for all, where the process that answers is the one that we connected
    /// to. A pooler between us tells a number of its own.
    private static let timeoutOnDirectConnection = """
        select case when pg_catalog.pg_backend_pid() = $1::int
          then pg_catalog.set_config('statement_timeout', $2, false) end is not null as direct
        """

    init(
        to target: ConnectionTarget, options: Options, logger: Logger, tick: () -> Bool
    ) throws(DatabaseError) {
        self.options = options
        connection = try Connection(to: target, logger: logger, tick: tick)
        statementTimeout = String(options.statementTimeout.wholeMilliseconds)
        let deadline = ContinuousClock.now + target.connectTimeout
        let patience: () -> Connection.Patience = { tick() && ContinuousClock.now < deadline ? .goOn : .giveUp }
        if options.verifiesLoginRole {
            try LoginRole.verify(try connection.query(LoginRole.examination, patience: patience))
        }
        let backend = Int(connection.withPointer { PQbackendPID($0) })
        let answer = try connection.query(
            Statement(Self.timeoutOnDirectConnection, [backend, statementTimeout]), patience: patience)
        let isPooled = try !answer.one().decode("direct", as: Bool.self)
        settings = isPooled ? Self.settingsWithTimeout : Self.settings
        prepared = PreparedStatements(
            isOn: options.prepared == .always || options.prepared == .unlessPooled && !isPooled)
        guard connection.withPointer({ PQenterPipelineMode($0) }) == 1 else { throw connection.lost() }
    }

    /// False when the server has ended the connection while it was idle.
    func isAlive() -> Bool { connection.isAlive() }

    /// Sleeps until it is woken or the server says something. False when the server ended the connection.
    func sleep(_ wakeUp: WakeUp) -> Bool {
        !connection.wait(wakeUp: wakeUp, until: nil).readable || connection.absorb()
    }

    /// Sends the jobs' transactions and reads all their answers. On `.lost`, those in `unanswered` were not answered and
    /// those in `unsent` never left.
    /// - Parameters:
    ///   - tick: Called every `options.tick` while waiting, with whether the server has said nothing for as long.
    ///   - finished: Called for each job once its Sync is answered.
    func run(
        _ jobs: [Job], tick: (ContinuousClock.Instant, _ isSilent: Bool) -> Void, finished: (Job, Job.Answer) -> Void
    ) -> Ending {
        do throws(DatabaseError) {
            unsent = jobs[...]
            while let job = unsent.popFirst() { try send(job) }
            try readAnswers(tick: tick, finished: finished)
        } catch {
            return .lost(error)
        }
        return mustBeReplaced ? .replace : .reusable
    }

    /// Those that the connection's end, noticed while sending, has left unsent.
    private(set) var unsent: ArraySlice<Job> = []

    /// Those sent and not answered, oldest first.
    var unanswered: [Job] { pipeline.transactions.map(\.job) }

    // MARK: Sending

    private func send(_ job: Job) throws(DatabaseError) {
        let transaction = job.transaction
        var steps: [Pipeline.Step] = []
        steps.reserveCapacity(transaction.statements.count + 3)
        var preparedHere: Set<PreparedStatements.Key> = []
        var values = [transaction.role.name, transaction.claims ?? ""]
        if settings == Self.settingsWithTimeout { values.append(statementTimeout) }
        let settings = Statement(settings, texts: values)
        // Counted as sent before the first byte may leave, so that a failure in between leaves its outcome unknown.
        defer { pipeline.append(job, steps: steps + [.sync]) }
        try send(settings, role: nil, .settings, &steps, &preparedHere)
        for statement in transaction.statements {
            try send(statement, role: transaction.role, .statement(statement), &steps, &preparedHere)
        }
        guard connection.withPointer({ cpostgres_pipeline_sync($0) }) == 1 else { throw connection.lost() }
    }

    private func send(
        _ statement: Statement, role: DatabaseRole?, _ step: Pipeline.Step, _ steps: inout [Pipeline.Step],
        _ preparedHere: inout Set<PreparedStatements.Key>
    ) throws(DatabaseError) {
        let key = PreparedStatements.Key(role: role, sql: statement.sql)
        let use = prepared.use(key, inSameTransaction: &preparedHere)
        if case .prepareThenExecute(let name) = use {
            steps.append(.prepare(key))
            let sent = connection.withPointer { PQsendPrepare($0, name, statement.sql, 0, nil) }
            guard sent == 1 else { throw connection.lost() }
        }
        steps.append(step)
        let sent = connection.withPointer { pointer in
            statement.parameters.withPointers { count, values in
                switch use {
                case .execute(let name), .prepareThenExecute(let name):
                    PQsendQueryPrepared(pointer, name, count, values, nil, nil, 0)
                case .whole:
                    PQsendQueryParams(pointer, statement.sql, count, nil, values, nil, nil, 0)
                }
            }
        }
        guard sent == 1 else { throw connection.lost() }
    }

    // MARK: Reading

    private func readAnswers(
        tick: (ContinuousClock.Instant, _ isSilent: Bool) -> Void, finished: (Job, Job.Answer) -> Void
    ) throws(DatabaseError) {
        var heard = ContinuousClock.now
        var nextTick = heard + options.tick
        // Writing and reading go on together: a server whose answers nobody reads would stop reading our questions.
        while true {
            let allSent = try connection.flush()
            try takeResults(finished: finished)
            guard !pipeline.isEmpty else { return }
            let now = ContinuousClock.now
            if nextTick <= now {
                nextTick = now + options.tick
                expire(at: now)
                tick(now, heard + options.tick <= now)
            }
            let ready = connection.wait(writing: !allSent, until: soonest(after: now, by: nextTick))
            if ready.readable {
                heard = .now
                guard connection.consumeInput() else {
                    try takeResults(finished: finished)
                    if pipeline.isEmpty {
                        mustBeReplaced = true
                        return
                    }
                    throw inServersWords(connection.lost())
                }
            } else if ready.writable {
                heard = .now
            } else {
                expire(at: .now)
                guard heard + patience > .now else {
                    throw DatabaseError(.unavailable(.noAnswer), "the server has been silent for too long")
                }
            }
        }
    }

    private func takeResults(finished: (Job, Job.Answer) -> Void) throws(DatabaseError) {
        // libpq ends each command with one nil; two in a row mean that it has nothing more to give.
        var ends = 0
        while !pipeline.isEmpty, ends < 2 {
            switch connection.next() {
            case .incomplete: return
            case .end:
                ends += 1
                pipeline.endOfCommand()
            case .result(let result):
                ends = 0
                try take(result, finished: finished)
            }
        }
    }

    private func take(_ result: QueryResult, finished: (Job, Job.Answer) -> Void) throws(DatabaseError) {
        let outcome: Pipeline.Outcome
        switch result.status {
        case PGRES_TUPLES_OK, PGRES_COMMAND_OK, PGRES_EMPTY_QUERY: outcome = .done(Rows(result: result))
        case PGRES_PIPELINE_SYNC: outcome = .synced
        case PGRES_PIPELINE_ABORTED: outcome = .skipped
        case PGRES_FATAL_ERROR:
            let error = result.error(sql: pipeline.currentSQL)
            // Without a SQLSTATE it is libpq that cannot go on, and nobody knows what the server has done.
            guard error.sqlState != nil else { throw inServersWords(error) }
            outcome = .failed(error)
        default:
            throw DatabaseError(.unavailable(.connectionLost), "unexpected result status \(result.status.rawValue)")
        }
        switch pipeline.receive(outcome) {
        case .none: break
        case .prepared(let key, let succeeded): prepared.answered(key, succeeded: succeeded)
        case .finished(let job, let answer):
            if case .failure(let error) = answer, error.meansStaleConnection { mustBeReplaced = true }
            finished(job, answer)
        case .confused: throw DatabaseError(.unavailable(.connectionLost), "answers out of step")
        }
    }

    /// The connection's end, told as the server told it where it did (57P01 and the like).
    private func inServersWords(_ error: DatabaseError) -> DatabaseError {
        guard let failure = pipeline.currentFailure else { return error }
        return error.with {
            $0.sqlState = failure.sqlState
            $0.severity = failure.severity
            $0.message = failure.message
        }
    }

    /// How long the server may be silent about the transaction it is at.
    private var patience: Duration {
        let statements = pipeline.transactions.first?.job.transaction.statements.count ?? 0
        return options.statementTimeout * (statements + 1) + options.silence
    }

    private func soonest(
        after now: ContinuousClock.Instant, by latest: ContinuousClock.Instant
    ) -> ContinuousClock.Instant {
        pipeline.transactions.reduce(latest) { soonest, transaction in
            let deadline = transaction.job.deadline
            return deadline > now ? min(soonest, deadline) : soonest
        }
    }

    private func expire(at now: ContinuousClock.Instant) {
        for transaction in pipeline.transactions where transaction.job.deadline <= now {
            transaction.job.abandon(.unavailable(.deadline), "the deadline passed before the answer came")
        }
    }
}

extension DatabaseError {
    /// What the connection has prepared no longer fits the database, or is not what we believe: 26000, 42P05, or 0A000
    /// "cached plan must not change result type". The transaction was rolled back and may be sent again on another.
    var meansStaleConnection: Bool {
        switch kind {
        case .sqlState(.invalidStatementName), .sqlState(.duplicatePreparedStatement): true
        case .sqlState(.featureNotSupported): message.contains("cached plan")
        default: false
        }
    }
}
