import Agents
import Callers
import FunctionCore
import FunctionJSON

/// DELETE /api/agents/{id}: its keys stop at once, and it is not listed any more.
public struct DeleteAgent: Function {
    public static let name: FunctionName = "delete-agent"
    public static let routes = [Route(.delete, "/api/agents/{id}", caller: .user)]

    private let agents: AgentStore

    public init(agents: AgentStore) { self.agents = agents }

    private struct Input: Decodable {
        let id: AgentID
    }

    public func respond(to request: Request, in context: Context) async throws -> Response {
        let input = try JSON.decode(Input.self, fromText: request.parameters)
        try await agents.delete(input.id, by: try context.caller(as: User.self), in: context)
        return Response(status: .noContent)
    }
}
