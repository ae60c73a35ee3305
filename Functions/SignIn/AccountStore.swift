import Callers
import FunctionCore
import PostgresClient
import Problems

/// Accounts and sessions, by the functions of schema `private` that only the role `callwaiting_auth` may call.
struct AccountStore: Sendable {
    let database: Database
    let bcryptCost: Int
    let limits: SignIn.Limits

    struct Session: Sendable {
        /// A UUID.
        let id: String
        /// GoTrue's user object, as JSON.
        let userJSON: String
    }

    enum Result: Sendable {
        case session(Session)
        case refused(Problem.Kind)
    }

    func signUp(
        _ email: String, _ password: String, data: String, refresh: RefreshToken, from address: IPAddress?,
        in context: Context
    ) async throws -> Result {
        try await session(
            "select * from private.sign_up($1, $2, $3::jsonb, $4::int, true, $5::bytea, $6::inet, $7::int)",
            [email, password, data, bcryptCost, refresh.hash, address?.description, limits.signUp.perMinute],
            limit: limits.signUp, in: context)
    }

    func signIn(
        _ email: String, _ password: String, refresh: RefreshToken, from address: IPAddress?, in context: Context
    ) async throws -> Result {
        try await session(
            "select * from private.sign_in($1, $2, $3::int, $4::bytea, $5::inet, $6::int, $7::int)",
            [
                email, password, bcryptCost, refresh.hash, address?.description, limits.signIn.perMinute,
                limits.account.perMinute,
            ], limit: limits.signIn, in: context)
    }

    func refresh(
        _ used: RefreshToken, to refresh: RefreshToken, reuseSeconds: Int, from address: IPAddress?,
        in context: Context
    ) async throws -> Result {
        try await session(
            "select * from private.refresh_session($1::bytea, $2::bytea, $3::int, $4::inet, $5::int)",
            [used.hash, refresh.hash, reuseSeconds, address?.description, limits.refresh.perMinute], lane: .fast,
            limit: limits.refresh, in: context)
    }

    func user(_ user: User, in context: Context) async throws -> Result {
        try await session(
            "select *, $2::uuid as session_id from private.session_user($1::uuid, $2::uuid)",
            [user.id, user.sessionID], lane: .fast, in: context)
    }

    func signOut(_ user: User, scope: String, in context: Context) async throws {
        _ = try await database.row(
            "select outcome from private.sign_out($1::uuid, $2::uuid, $3)", [user.id, user.sessionID, scope], as: .auth,
            in: context)
    }

    /// - Parameter lane: hashing a password takes as long as a hundred other transactions, so that is the slow one's.
    private func session(
        _ sql: String, _ parameters: [(any PostgresBindable)?], lane: Lane = .slow, limit: RateLimit = .none,
        in context: Context
    ) async throws -> Result {
        let row = try await database.row(sql, parameters, as: .auth, lane: lane, in: context)
        switch try row.decode("outcome", as: String.self) {
        case "created", "ok":
            return .session(
                Session(
                    id: try row.decodeIfPresent("session_id", as: String.self) ?? "",
                    userJSON: try row.decode("user_json", as: String.self)))
        case "rate_limited": throw try limit.exceeded(row)
        case "exists": return .refused(.userAlreadyExists)
        case "invalid": return .refused(.invalidCredentials)
        case "unconfirmed": return .refused(.emailNotConfirmed)
        case "banned": return .refused(.userBanned)
        case "not_found": return .refused(.refreshTokenNotFound)
        case "already_used": return .refused(.refreshTokenAlreadyUsed)
        case "session_expired": return .refused(.sessionExpired)
        case "session_not_found": return .refused(.sessionNotFound)
        case "user_not_found": return .refused(.userNotFound)
        default: return .refused(.internal)
        }
    }
}
