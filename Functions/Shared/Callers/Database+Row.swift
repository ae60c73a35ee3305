import FunctionCore
import PostgresClient

extension Database {
    /// Calls one of the functions of schema `private` and returns its one row: a transaction of its own and one round
    /// trip. Must be done by the request's deadline; the time counts as `db`.
    ///
    /// - Parameters:
    ///   - user: whose claims row-level security and the function see; nil for nobody's.
    ///   - shielded: whether it goes on when the caller leaves.
    /// - Throws: `DatabaseError`, which reads as 503 or 500 (docs/errors.md).
    public func row(
        _ sql: String, _ parameters: [(any PostgresBindable)?] = [], as role: DatabaseRole, for user: User? = nil,
        lane: Lane = .fast, shielded: Bool = false, in context: Context
    ) async throws -> Row {
        try await context.timing.measure("db") {
            try await query(
                Statement(sql, parameters), as: role, claims: user?.claims, lane: lane, shielded: shielded,
                deadline: context.deadline
            ).one()
        }
    }
}
