import Callers
import FoundationEssentials
import FunctionCore
import PostgresClient
import Problems
import Voice

/// What people do with their agents, by functions of schema `private`: one round trip each, as `authenticated`, with the
/// person's claims. An agent of somebody else's, a deleted one and one that never was are one answer, 404.
public struct AgentStore: Sendable {
    private let database: Database

    public init(database: Database) { self.database = database }

    /// What to change; nil leaves something as it is.
    public struct Changes: Sendable {
        public var name: AgentName?
        public var systemPrompt: SystemPrompt?
        public var voice: VoicePreset?
        public var status: AgentStatus?

        public init(name: AgentName?, systemPrompt: SystemPrompt?, voice: VoicePreset?, status: AgentStatus?) {
            self.name = name
            self.systemPrompt = systemPrompt
            self.voice = voice
            self.status = status
        }
    }

    /// Newest first.
    ///
    /// - Parameters:
    ///   - after: the last agent of the page before; nil is the first page.
    ///   - count: 1 to 100.
    /// - Returns: the page, and whether there is another.
    public func list(
        for user: User, after: AgentID?, count: Int, in context: Context
    ) async throws -> (agents: [AgentRecord], more: Bool) {
        let row = try await database.row(
            "select outcome, agents, more from private.list_agents($1::uuid, $2::uuid, $3::int)",
            [user.workspace, after?.rawValue, count], as: .authenticated, for: user, in: context)
        try Self.check(row)
        let stored = try JSONDecoder().decode(
            [StoredAgent].self, from: Data(try row.decode("agents", as: String.self).utf8))
        return (stored.map { AgentRecord($0, in: context) }, try row.decode("more", as: Bool.self))
    }

    public func show(_ agent: AgentID, to user: User, in context: Context) async throws -> AgentWithKeys {
        let row = try await database.row(
            "select outcome, agent from private.show_agent($1::uuid, $2::uuid)", [user.workspace, agent.rawValue],
            as: .authenticated, for: user, in: context)
        return try Self.agent(of: row, in: context)
    }

    /// - Returns: the agent as it is now.
    public func update(
        _ agent: AgentID, _ changes: Changes, by user: User, in context: Context
    ) async throws -> AgentWithKeys {
        let row = try await database.row(
            "select outcome, agent from private.update_agent($1::uuid, $2::uuid, $3, $4, $5, $6)",
            [
                user.workspace, agent.rawValue, changes.name?.rawValue, changes.systemPrompt?.rawValue,
                changes.voice?.rawValue, changes.status?.rawValue,
            ], as: .authenticated, for: user, in: context)
        return try Self.agent(of: row, in: context)
    }

    /// Its keys stop at once; what it has said and cost stays in the books.
    public func delete(_ agent: AgentID, by user: User, in context: Context) async throws {
        try Self.check(
            try await database.row(
                "select outcome from private.delete_agent($1::uuid, $2::uuid)", [user.workspace, agent.rawValue],
                as: .authenticated, for: user, in: context))
    }

    /// Adds a key; those before it go on for `graceSeconds`.
    ///
    /// - Returns: the new key's id, and when the older ones end.
    public func rotateKey(
        of agent: AgentID, to key: AgentKey, graceSeconds: Int, limit: RateLimit, by user: User, in context: Context
    ) async throws -> (id: String, oldKeysUntil: String) {
        let row = try await database.row(
            """
            select outcome, key_id, old_until, retry_after
            from private.rotate_key($1::uuid, $2::uuid, $3::bytea, $4, $5::int, $6::int)
            """,
            [user.workspace, agent.rawValue, key.hash, key.hint, graceSeconds, limit.perMinute], as: .authenticated,
            for: user, in: context)
        if try row.decode("outcome", as: String.self) == "rate_limited" { throw try limit.exceeded(row) }
        try Self.check(row)
        return (try row.decode("key_id", as: String.self), try row.decode("old_until", as: String.self))
    }

    /// The key stops at once.
    public func revokeKey(_ key: KeyID, of agent: AgentID, by user: User, in context: Context) async throws {
        try Self.check(
            try await database.row(
                "select outcome from private.revoke_key($1::uuid, $2::uuid, $3::uuid)",
                [user.workspace, agent.rawValue, key.rawValue], as: .authenticated, for: user, in: context))
    }

    private static func agent(of row: Row, in context: Context) throws -> AgentWithKeys {
        try check(row)
        let json = try row.decode("agent", as: String.self)
        return AgentWithKeys(try JSONDecoder().decode(StoredAgent.self, from: Data(json.utf8)), in: context)
    }

    private static func check(_ row: Row) throws {
        switch try row.decode("outcome", as: String.self) {
        case "forbidden": throw Problem(.forbidden)
        case "not_found": throw Problem(.notFound)
        default: break
        }
    }
}
