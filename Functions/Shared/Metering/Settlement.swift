import FunctionCore
import PostgresClient
import Problems

/// What was made under a reservation, to be charged.
struct Settlement: Sendable {
    let reservation: Reservation
    let usage: Usage
    /// Until when its caller wants to wait. A set that begins before waits until the latest of its deadlines.
    let deadline: ContinuousClock.Instant

    /// How many are settled in one transaction, at most.
    static let limit = 64
    /// How many transactions at once, at most: while one waits for the disk, another works.
    static let concurrency = 2

    /// Settles all of them in one transaction.
    ///
    /// - Parameter lockTimeout: How long it waits for a workspace that somebody else has locked.
    /// - Returns: of each its receipt, or why there is none; nil for those that are to be settled alone: their deadline has
    ///   passed, or Postgres has refused the set, for which any one of them may be the cause.
    static func settle(
        _ set: [Settlement], lockTimeout: Duration, in database: Database
    ) async -> [Result<Receipt, any Error>?] {
        let now = ContinuousClock.now
        let inTime = set.filter { $0.deadline > now }
        guard inTime.count == set.count else {
            guard !inTime.isEmpty else { return set.map { _ in nil } }
            var results = await settle(inTime, lockTimeout: lockTimeout, in: database)[...]
            return set.map { $0.deadline > now ? results.removeFirst() : nil }
        }
        let lockTimeoutSetting = Statement(
            "select set_config('lock_timeout', $1, true)", [Int(lockTimeout / .milliseconds(1))])
        do throws(DatabaseError) {
            return try await receipts(of: set, [lockTimeoutSetting, statement(for: set)], in: database)
        } catch {
            if case .unavailable = error.kind { return set.map { _ in .failure(error) } }
            return set.map { _ in nil }
        }
    }

    /// Settles this one, however long its workspace is locked.
    func settleAlone(in database: Database) async throws -> Receipt {
        try await Self.receipts(of: [self], [Self.statement(for: [self])], in: database)[0].get()
    }

    private static func receipts(
        of set: [Settlement], _ statements: [Statement], in database: Database
    ) async throws(DatabaseError) -> [Result<Receipt, any Error>] {
        let transaction = Transaction(as: .meter, lane: .durable, shielded: true, statements)
        let latest = set.reduce(set[0].deadline) { max($0, $1.deadline) }
        let rows = try await database.run(transaction, deadline: latest)[statements.count - 1]
        var receipts: [String: Receipt] = [:]
        for row in rows where try row.decode("outcome", as: String.self) != "unknown" {
            receipts[try row.decode("reservation_id", as: String.self)] = try Receipt(from: row)
        }
        return set.map { settlement in
            let id = settlement.reservation.id
            return receipts[id].map { .success($0) }
                ?? .failure(Problem(.databaseUnavailable, cause: LostHold(reservation: id)))
        }
    }

    private static func statement(for set: [Settlement]) -> Statement {
        func column(_ value: (Settlement) -> (any PostgresBindable)?) -> PostgresArray { PostgresArray(set.map(value)) }
        return Statement(
            """
            select reservation_id, outcome, usage_id, charged, reserved, remaining
            from private.settle_set(
              $1::uuid[], $2::bigint[], $3::text[], null, null, $4::bytea[], $5::bigint[], $6::float8[], $7::text[],
              $8::text[])
            """,
            [
                column { $0.reservation.id }, column { $0.usage.milliseconds }, column { $0.usage.kind.rawValue },
                column { $0.usage.audio.id }, column { $0.usage.audio.byteCount }, column { $0.usage.audio.expires },
                column { $0.usage.exchange?.message }, column { $0.usage.exchange?.reply },
            ])
    }
}

/// There was nothing to settle: Postgres crashed before the admission was on the disk, or a repeat of the request under its
/// key has taken the hold away.
struct LostHold: Error, CustomStringConvertible {
    let reservation: String

    var description: String { "hold \(reservation) is gone" }
}
