import Agents
import Callers
import FunctionCore
import FunctionJSON

/// DELETE /api/agents/{id}/keys/{key}: one key stops at once.
public struct RevokeAgentKey: Function {
    public static let name: FunctionName = "revoke-agent-key"
    public static let routes = [Route(.delete, "/api/agents/{id}/keys/{key}", caller: .user)]

    private let agents: AgentStore

    public init(agents: AgentStore) { self.agents = agents }

    private struct Input: Decodable {
        let id: AgentID
        let key: KeyID
    }

    public func respond(to request: Request, in context: Context) async throws -> Response {
        let input = try JSON.decode(Input.self, fromText: request.parameters)
        try await agents.revokeKey(input.key, of: input.id, by: try context.caller(as: User.self), in: context)
        return Response(status: .noContent)
    }
}
