import FunctionCore
import PostgresClient
import Problems

/// What was made under a reservation, to be charged.
struct Settlement: Sendable {
    let reservation: Reservation
    let usage: Usage
    /// Until when its caller wants to wait.
    let deadline: ContinuousClock.Instant

    /// At most as many are settled in one transaction.
    static let limit = 64
    /// So many transactions at once: while one waits for the disk, another works.
    static let concurrency = 2

    /// Settles all of them in one transaction; each by itself where one cannot be, so that it is nobody else's trouble.
    ///
    /// - Returns: of each its receipt, or why there is none.
    static func settle(_ set: [Settlement], in database: Database) async -> [Result<Receipt, any Error>] {
        do throws(DatabaseError) {
            return try await receipts(of: set, in: database)
        } catch let error where set.count > 1 && !error.meansUnavailable {
            var results: [Result<Receipt, any Error>] = []
            for settlement in set { results += await settle([settlement], in: database) }
            return results
        } catch {
            return set.map { _ in .failure(error) }
        }
    }

    private static func receipts(
        of set: [Settlement], in database: Database
    ) async throws(DatabaseError) -> [Result<Receipt, any Error>] {
        let rows = try await database.query(
            statement(for: set), as: .meter, lane: .durable, shielded: true,
            deadline: set.reduce(set[0].deadline) { max($0, $1.deadline) })
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
