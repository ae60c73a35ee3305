import FoundationEssentials
import FunctionCore
import HTTPTypes
import Problems

/// Finds out who calls, for the rules of this product.
public final class CallerAuthenticator: Authenticator {
    private let verifier: TokenVerifier
    private let cookies: SessionCookies
    /// Origins whose pages may act with a cookie, besides our own.
    private let trustedOrigins: Set<String>

    public init(verifier: TokenVerifier, cookies: SessionCookies, trustedOrigins: Set<String>) {
        self.verifier = verifier
        self.cookies = cookies
        self.trustedOrigins = trustedOrigins
    }

    public func caller(of request: Request, rule: CallerRule, in context: Context) async throws -> any Sendable {
        switch rule {
        case .user: return try await user(of: request, in: context)
        case .agent:
            // An address or a key that cannot be is answered like one that is not.
            guard let agent = request.parameters["id"].flatMap({ try? AgentID(validating: $0) }),
                let key = request.fields[.agentKey].flatMap({ AgentKey($0) })
            else { throw Problem.unauthorized }
            return AgentCaller(
                agent: agent, key: key, idempotency: try IdempotencyKey(of: request, function: context.function))
        case .provider: return ProviderCaller()
        default: throw Problem(.internal)
        }
    }

    private func user(of request: Request, in context: Context) async throws -> User {
        var user = try await verifier.verify(try token(of: request.head))
        if let workspace = request.fields[.workspaceID] {
            // A workspace that is not the caller's is 403 whether it exists or not, so one that cannot exist is too.
            guard let id = UUID(uuidString: workspace) else { throw Problem(.forbidden) }
            user.workspace = id.uuidString.lowercased()
        }
        user.idempotency = try IdempotencyKey(of: request, function: context.function)
        return user
    }

    /// A bearer token wins over a cookie. A cookie is sent by the browser whoever's page asks, so with one a request
    /// that changes something must come from a page we trust.
    private func token(of head: RequestHead) throws -> String {
        if let authorization = head.fields[.authorization] {
            guard let token = Self.bearerToken(in: authorization) else { throw Problem.unauthorized }
            return token
        }
        guard let token = cookies.accessToken(in: head.fields) else { throw Problem.unauthorized }
        guard head.method == .get || head.method == .head || isTrusted(head) else { throw Problem(.crossSiteRequest) }
        return token
    }

    /// What follows the scheme `Bearer`, whose case does not matter (RFC 9110 §11.1).
    private static func bearerToken(in authorization: String) -> String? {
        let scheme = "bearer ".utf8
        let text = authorization.utf8
        guard text.count > scheme.count, zip(text, scheme).allSatisfy({ $0 == $1 || $0 | 0x20 == $1 }) else {
            return nil
        }
        return String(Substring(text.dropFirst(scheme.count)))
    }

    private func isTrusted(_ head: RequestHead) -> Bool {
        if let origin = head.fields[.origin] { return trustedOrigins.contains(origin) }
        return head.fields[HTTPField.Name("Sec-Fetch-Site")!] == "same-origin"
    }
}
