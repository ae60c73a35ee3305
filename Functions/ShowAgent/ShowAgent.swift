import Agents
import Callers
import FunctionCore
import FunctionJSON

/// GET /api/agents/{id}: an agent, and what is known of its keys.
public struct ShowAgent: JSONFunction {
    public static let name: FunctionName = "show-agent"
    public static let routes = [Route.get("/api/agents/{id}", caller: .user)]

    private let agents: AgentStore

    public init(agents: AgentStore) { self.agents = agents }

    public struct Input: Decodable, Sendable {
        let id: AgentID
    }

    public func respond(to input: Input, from user: User, in context: Context) async throws -> Reply<AgentWithKeys> {
        .ok(try await agents.show(input.id, to: user, in: context))
    }
}
