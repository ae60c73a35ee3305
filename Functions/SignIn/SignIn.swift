import Callers
import FunctionCore
import FunctionJSON
import HTTPTypes
import PostgresClient
import Problems

/// /auth/v1/*: signing up, in and out as Supabase's clients do it with GoTrue, for people without Supabase.
///
/// Passwords are hashed by bcrypt inside Postgres, on connections of their own. Refresh tokens are random, good for one
/// use, and stored as hashes. Errors have GoTrue's shapes (``GoTrueProblem``).
public struct SignIn: Function {
    public static let name: FunctionName = "sign-in"
    public static let routes = [
        Route.post("/auth/v1/signup", caller: .anyone, limits: .init(body: 16 * 1_024)),
        Route.post("/auth/v1/token", caller: .anyone, limits: .init(body: 16 * 1_024)),
        Route.get("/auth/v1/user", caller: .user),
        Route.post("/auth/v1/logout", caller: .user),
    ]

    public struct Configuration: Sendable {
        /// Whether strangers may sign up; their e-mail counts as confirmed at once.
        public var isOpen: Bool
        /// The work of bcrypt, as a power of two.
        public var bcryptCost: Int
        /// How long after its first use a refresh token may come again, in seconds, because an answer got lost.
        public var refreshReuseSeconds: Int

        public init(isOpen: Bool, bcryptCost: Int, refreshReuseSeconds: Int) {
            self.isOpen = isOpen
            self.bcryptCost = bcryptCost
            self.refreshReuseSeconds = refreshReuseSeconds
        }
    }

    private let configuration: Configuration
    private let accounts: AccountStore
    private let issuer: TokenIssuer

    public init(
        _ configuration: Configuration, limits: Limits = .none, database: Database, issuer: TokenIssuer
    ) {
        self.configuration = configuration
        accounts = AccountStore(database: database, bcryptCost: configuration.bcryptCost, limits: limits)
        self.issuer = issuer
    }

    public func respond(to request: Request, in context: Context) async throws -> Response {
        switch request.head.target.segments.last {
        case "signup": try await signUp(try Credentials(request), from: request.head.address, in: context)
        case "token": try await token(request, in: context)
        case "user": try await user(try context.caller(as: User.self), in: context)
        default: try await signOut(try context.caller(as: User.self), request.query["scope"] ?? "global", in: context)
        }
    }

    private func signUp(
        _ credentials: Credentials, from address: IPAddress?, in context: Context
    ) async throws -> Response {
        guard configuration.isOpen else { throw Problem(.signUpDisabled) }
        let (email, password) = try credentials.forSignUp()
        let refresh = RefreshToken.random()
        switch try await accounts.signUp(
            email, password, data: credentials.data, refresh: refresh, from: address, in: context)
        {
        case .session(let session): return try await issuer.response(session, refresh)
        case .refused(let kind): throw Problem(kind)
        }
    }

    private func token(_ request: Request, in context: Context) async throws -> Response {
        let refresh = RefreshToken.random()
        let result: AccountStore.Result
        switch request.query["grant_type"] {
        case "password":
            let (email, password) = try Credentials(request).forSignIn()
            result = try await accounts.signIn(
                email, password, refresh: refresh, from: request.head.address, in: context)
        case "refresh_token":
            let used = try RefreshGrant(request).token
            result = try await accounts.refresh(
                used, to: refresh, reuseSeconds: configuration.refreshReuseSeconds, from: request.head.address,
                in: context)
        default:
            throw Problem(.unsupportedGrant)
        }
        switch result {
        case .session(let session): return try await issuer.response(session, refresh)
        case .refused(let kind): throw Problem(kind)
        }
    }

    private func user(_ user: User, in context: Context) async throws -> Response {
        switch try await accounts.user(user, in: context) {
        case .session(let session):
            return Response(
                status: .ok, fields: [.contentType: "application/json"], body: .bytes(Array(session.userJSON.utf8)))
        case .refused(let kind): throw Problem(kind)
        }
    }

    private func signOut(_ user: User, _ scope: String, in context: Context) async throws -> Response {
        guard ["global", "local", "others"].contains(scope) else {
            throw Problem(.invalidRequest, "scope must be global, local or others")
        }
        try await accounts.signOut(user, scope: scope, in: context)
        return Response(status: .noContent)
    }
}
