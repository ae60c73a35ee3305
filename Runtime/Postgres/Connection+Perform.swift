import CPostgres

/// One command at a time, outside pipeline mode.
extension Connection {
    /// What the caller wants while a command runs.
    enum Patience {
        case goOn
        /// Ask the server to stop, and wait for it to say that it has.
        case cancel
        /// Wait no longer. The connection is of no further use.
        case giveUp
    }

    /// Sends `statement` and reads its rows.
    func query(
        _ statement: Statement, wakeUp: WakeUp? = nil, patience: () -> Patience = { .goOn }
    ) throws(DatabaseError) -> Rows {
        if let problem = statement.problem { throw DatabaseError(.invalidStatement, problem) }
        let sent = withPointer { pointer in
            statement.parameters.withPointers { count, values in
                PQsendQueryParams(pointer, statement.sql, count, nil, values, nil, nil, 0)
            }
        }
        guard sent == 1 else { throw lost() }
        guard let last = try collect(sql: statement.sql, wakeUp: wakeUp, patience: patience) else { throw lost() }
        return Rows(result: last)
    }

    /// Sends a script of any number of commands, which Postgres runs as one implicit transaction unless it says `begin`.
    func execute(
        _ script: String, wakeUp: WakeUp? = nil, patience: () -> Patience = { .goOn }
    ) throws(DatabaseError) {
        guard !script.containsNUL else { throw DatabaseError(.invalidStatement, "SQL text with a NUL byte") }
        guard withPointer({ PQsendQuery($0, script) }) == 1 else { throw lost() }
        _ = try collect(sql: nil, wakeUp: wakeUp, patience: patience)
    }

    /// Reads to the end of the command, and returns its last result or throws its first error.
    private func collect(
        sql: String?, wakeUp: WakeUp?, patience: () -> Patience
    ) throws(DatabaseError) -> QueryResult? {
        var last: QueryResult?
        var failure: DatabaseError?
        var cancelled = false
        while true {
            switch next() {
            case .end:
                if let failure { throw failure.with { $0.outcomeUnknown = isBroken } }
                return last
            case .result(let result):
                switch result.status {
                case PGRES_TUPLES_OK, PGRES_COMMAND_OK, PGRES_EMPTY_QUERY: last = result
                case PGRES_COPY_IN, PGRES_COPY_OUT, PGRES_COPY_BOTH:
                    poison()
                    throw DatabaseError(.invalidStatement, "COPY is not supported")
                default: if failure == nil { failure = result.error(sql: sql) }
                }
            case .incomplete:
                switch patience() {
                case .cancel where !cancelled:
                    cancelled = true
                    requestCancel()
                case .giveUp:
                    poison()
                    throw DatabaseError(
                        .unavailable(.noAnswer), "the server did not answer in time", outcomeUnknown: true)
                case .goOn, .cancel: break
                }
                let allSent = try flush()
                let ready = wait(writing: !allSent, wakeUp: wakeUp, until: .now + .milliseconds(100))
                guard !ready.readable || consumeInput() else {
                    throw (failure ?? lost()).with { $0.outcomeUnknown = true }
                }
            }
        }
    }

    /// Waits for a notification, until the deadline or until the caller is cancelled.
    func notification(
        before deadline: ContinuousClock.Instant, _ operation: ConnectionThread.Operation
    ) throws(DatabaseError) -> Notification? {
        while true {
            guard absorb() else { throw lost() }
            if let found = withPointer({ PQnotifies($0) }) {
                defer { PQfreemem(found) }
                return Notification(
                    channel: String(cString: found.pointee.relname), payload: String(cString: found.pointee.extra))
            }
            if operation.isCancelled { throw DatabaseError(.cancelled, "the task was cancelled") }
            guard ContinuousClock.now < deadline else { return nil }
            _ = wait(wakeUp: operation.wakeUp, until: deadline)
        }
    }

    /// Asks the server, over a connection of its own, to stop the running command. Blocks while it does.
    private func requestCancel() {
        guard let cancel = withPointer({ PQgetCancel($0) }) else { return }
        defer { PQfreeCancel(cancel) }
        withUnsafeTemporaryAllocation(of: CChar.self, capacity: 256) { buffer in
            _ = PQcancel(cancel, buffer.baseAddress, Int32(buffer.count))
        }
    }
}
