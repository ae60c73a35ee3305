import FunctionCore
import Voice

/// An agent as its people read it. Times are RFC 3339, UTC, to the second.
public struct AgentRecord: Sendable, Encodable {
    public let agentId: String
    let name: String
    let systemPrompt: String
    let voiceId: VoicePreset
    let status: AgentStatus
    /// Where its callers POST to.
    let webhookUrl: String
    let createdAt: String
    /// When any key of it was used last, to the minute; nil for never.
    let lastUsedAt: String?

    init(_ stored: StoredAgent, in context: Context) {
        agentId = stored.agentId
        name = stored.name
        systemPrompt = stored.systemPrompt
        voiceId = stored.voiceId
        status = stored.status
        webhookUrl = context.url("/api/agent/\(stored.agentId)/webhook")
        createdAt = stored.createdAt
        lastUsedAt = stored.lastUsedAt
    }
}

/// An agent together with the keys that it can be called with, newest first.
public struct AgentWithKeys: Sendable, Encodable {
    private let agent: AgentRecord
    private let keys: [KeyRecord]

    init(_ stored: StoredAgent, in context: Context) {
        agent = AgentRecord(stored, in: context)
        keys = stored.keys ?? []
    }

    private enum CodingKeys: CodingKey {
        case agentId, name, systemPrompt, voiceId, status, webhookUrl, createdAt, lastUsedAt, keys
    }

    /// The agent's members and `keys` beside them.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(agent.agentId, forKey: .agentId)
        try container.encode(agent.name, forKey: .name)
        try container.encode(agent.systemPrompt, forKey: .systemPrompt)
        try container.encode(agent.voiceId, forKey: .voiceId)
        try container.encode(agent.status, forKey: .status)
        try container.encode(agent.webhookUrl, forKey: .webhookUrl)
        try container.encode(agent.createdAt, forKey: .createdAt)
        try container.encode(agent.lastUsedAt, forKey: .lastUsedAt)
        try container.encode(keys, forKey: .keys)
    }
}

/// What is known of a key, which is never the key.
public struct KeyRecord: Sendable, Codable {
    let keyId: String
    /// The key's last four characters.
    let hint: String
    let createdAt: String
    /// nil for a key without an end.
    let expiresAt: String?
    let lastUsedAt: String?
}

/// What an owner may choose. A paused agent answers its callers as if it were not there.
public enum AgentStatus: String, Sendable, Codable, CaseIterable {
    case active
    case paused
}

/// What schema `private` writes of an agent, as JSON.
struct StoredAgent: Decodable {
    let agentId: String
    let name: String
    let systemPrompt: String
    let voiceId: VoicePreset
    let status: AgentStatus
    let createdAt: String
    let lastUsedAt: String?
    let keys: [KeyRecord]?
}
