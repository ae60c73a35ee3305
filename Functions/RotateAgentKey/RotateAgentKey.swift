import Agents
import Callers
import FunctionCore
import FunctionJSON
import Problems

/// POST /api/agent/{id}/rotate-key: gives an agent a new key and shows it, once.
public struct RotateAgentKey: JSONFunction {
    public static let name: FunctionName = "rotate-agent-key"
    public static let routes = [Route.post("/api/agent/{id}/rotate-key", caller: .user)]

    private let agents: AgentStore
    private let limit: RateLimit

    /// - Parameter limit: keys that one person makes.
    public init(agents: AgentStore, limit: RateLimit) {
        self.agents = agents
        self.limit = limit
    }

    public struct Input: Decodable, Sendable {
        let id: AgentID
        /// How long the keys before it stay good; they stop at once unless it says otherwise.
        let graceSeconds: GracePeriod?
    }

    public struct Output: Encodable, Sendable {
        let agentId: AgentID
        let keyId: String
        let apiKey: AgentKey
        /// UTC, RFC 3339.
        let oldKeysExpireAt: String
    }

    public func respond(to input: Input, from user: User, in context: Context) async throws -> Reply<Output> {
        let key = AgentKey.random()
        let (id, until) = try await agents.rotateKey(
            of: input.id, to: key, graceSeconds: input.graceSeconds?.rawValue ?? 0, limit: limit, by: user, in: context)
        return .created(Output(agentId: input.id, keyId: id, apiKey: key, oldKeysExpireAt: until))
    }
}

/// Seconds, up to a week.
struct GracePeriod: Validated {
    let rawValue: Int
    init(_ accepted: Accepted<Int>) { rawValue = accepted.value }

    static func check(_ seconds: Int) throws(Problem.Violation) -> Int {
        guard (0...604_800).contains(seconds) else { throw Problem.Violation("must be 0 to 604800 seconds, a week") }
        return seconds
    }
}
