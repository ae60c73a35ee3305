import FunctionCore
import HTTPTypes

extension CallerRule {
    /// A signed-in user. The function finds a ``User``.
    public static let user = CallerRule("user")
    /// Someone with an agent's key. The function finds an ``AgentCaller``, not yet checked: the key belongs to the first
    /// statement of the transaction that admits the reply.
    public static let agent = CallerRule("agent")
    /// A provider that signs what it sends. The function checks the signature over the raw body itself.
    public static let provider = CallerRule("provider")
}

extension HTTPField.Name {
    public static let agentKey = HTTPField.Name("X-AGENT-KEY")!
    public static let workspaceID = HTTPField.Name("X-Workspace-Id")!
}

/// A signed-in user.
public struct User: Sendable {
    /// A UUID, in lower case.
    public let id: String
    public let email: String?
    /// The session that the token belongs to; nil for tokens without one.
    public let sessionID: String?
    /// What row-level security sees as `request.jwt.claims`: JSON made from the verified claims that we use, and nothing
    /// else that a token may carry.
    public let claims: String
    /// The workspace asked for in `X-Workspace-Id`; nil is the oldest that the user owns.
    public var workspace: String?
    /// What the request is repeated under; nil for none.
    public var idempotency: IdempotencyKey?
}

/// Someone who sent an agent's key, to that agent's address. A class, so that whoever waits for an answer to them keeps a
/// pointer.
public final class AgentCaller: Sendable {
    public let agent: AgentID
    public let key: AgentKey
    /// What the request is repeated under; nil for none.
    public let idempotency: IdempotencyKey?

    init(agent: AgentID, key: AgentKey, idempotency: IdempotencyKey?) {
        self.agent = agent
        self.key = key
        self.idempotency = idempotency
    }
}

/// Someone whose signature has yet to be checked.
public struct ProviderCaller: Sendable {}
