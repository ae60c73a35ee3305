import Callers
import FunctionCore
import FunctionJSON
import PostgresClient
import Problems

/// GET /api/usage-report: what a workspace was granted, has used and has left.
public struct UsageReport: JSONFunction {
    public static let name: FunctionName = "usage-report"
    public static let routes = [Route.get("/api/usage-report", caller: .user)]

    private let database: Database

    public init(database: Database) { self.database = database }

    public struct Output: Encodable, Sendable {
        /// Rounded up.
        let minutesUsed: Int
        let minutesQuota: Int
        /// Quota − used, never below 0.
        let remaining: Int
        let plan: String
        let secondsUsed: Int
        let secondsReserved: Int
        /// 60 × quota − used − reserved.
        let secondsRemaining: Int
        /// UTC, ISO 8601; absent during the trial.
        let periodEnd: String?
    }

    public func respond(to input: NoInput, from user: User, in context: Context) async throws -> Reply<Output> {
        let row = try await database.row(
            "select * from private.usage_report($1::uuid)", [user.workspace],
            as: .authenticated, for: user, in: context)
        guard try row.decode("outcome", as: String.self) == "ok" else { throw Problem(.forbidden) }
        let quota = try row.decode("minutes_quota", as: Int.self)
        let used = try row.decode("seconds_used", as: Int.self)
        let reserved = try row.decode("seconds_reserved", as: Int.self)
        let minutesUsed = (used + 59) / 60
        return .ok(
            Output(
                minutesUsed: minutesUsed, minutesQuota: quota, remaining: max(0, quota - minutesUsed),
                plan: try row.decode("plan", as: String.self), secondsUsed: used, secondsReserved: reserved,
                secondsRemaining: 60 * quota - used - reserved,
                periodEnd: try row.decodeIfPresent("period_end", as: String.self)))
    }
}
