import Agents
import Callers
import FunctionCore
import FunctionJSON
import Voice

/// PATCH /api/agents/{id}: changes what is given and leaves the rest.
public struct UpdateAgent: JSONFunction {
    public static let name: FunctionName = "update-agent"
    public static let routes = [Route(.patch, "/api/agents/{id}", caller: .user)]

    private let agents: AgentStore

    public init(agents: AgentStore) { self.agents = agents }

    public struct Input: Decodable, Sendable {
        let id: AgentID
        let name: AgentName?
        let systemPrompt: SystemPrompt?
        let voiceId: VoicePreset?
        let status: AgentStatus?
    }

    public func respond(to input: Input, from user: User, in context: Context) async throws -> Reply<AgentWithKeys> {
        let changes = AgentStore.Changes(
            name: input.name, systemPrompt: input.systemPrompt, voice: input.voiceId, status: input.status)
        return .ok(try await agents.update(input.id, changes, by: user, in: context))
    }
}
