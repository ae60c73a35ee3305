import Agents
import Callers
import FunctionCore
import FunctionJSON
import PostgresClient
import Problems
import Voice

/// POST /api/create-agent: creates an agent and shows its key, once.
public struct CreateAgent: JSONFunction {
    public static let name: FunctionName = "create-agent"
    public static let routes = [Route.post("/api/create-agent", caller: .user)]

    private let database: Database
    private let limit: RateLimit

    /// - Parameter limit: agents that one person creates.
    public init(database: Database, limit: RateLimit) {
        self.database = database
        self.limit = limit
    }

    public struct Input: Decodable, Sendable {
        let name: AgentName
        let systemPrompt: SystemPrompt
        let voiceId: VoicePreset
    }

    public struct Output: Encodable, Sendable {
        let agentId: String
        let apiKey: AgentKey
        let webhookUrl: String
        let name: AgentName
        let voiceId: VoicePreset
    }

    public func respond(to input: Input, from user: User, in context: Context) async throws -> Reply<Output> {
        let key = AgentKey.random()
        let row = try await database.row(
            """
            select outcome, agent_id, retry_after
            from private.create_agent($1::uuid, $2, $3, $4, $5::bytea, $6, $7::int)
            """,
            [
                user.workspace, input.name.rawValue, input.systemPrompt.rawValue, input.voiceId.rawValue, key.hash,
                key.hint, limit.perMinute,
            ],
            as: .authenticated, for: user, in: context)
        switch try row.decode("outcome", as: String.self) {
        case "created": break
        case "rate_limited": throw try limit.exceeded(row)
        default: throw Problem(.forbidden)
        }
        let id = try row.decode("agent_id", as: String.self)
        return .created(
            Output(
                agentId: id, apiKey: key, webhookUrl: context.url("/api/agent/\(id)/webhook"), name: input.name,
                voiceId: input.voiceId))
    }
}
