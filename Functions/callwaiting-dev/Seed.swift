import DevHost
import FoundationEssentials
import HTTPTypes

/// The demo user and agent of a host's first start, made through the public API and kept beside the database, since an
/// agent's key is shown only once.
struct Seed: Codable, Sendable {
    var user: DevFile.User
    var agentId: String
    var apiKey: String

    static let user = DevFile.User(email: "demo@callwaiting.test", password: "callwaiting")

    /// The one of the file at `path`, or a new one that is then in it.
    static func keep(at path: String, through api: API) async throws -> Seed {
        if let text = try Files.read(path) { return try JSONDecoder().decode(Seed.self, from: Data(text.utf8)) }
        let session = try await session(through: api)
        let agent = try await api.createAgent(SampleAgent(), token: session.accessToken)
        let seed = Seed(user: user, agentId: agent.agentId, apiKey: agent.apiKey)
        try Files.write([UInt8](try JSONEncoder().encode(seed)), to: path, mode: 0o600)
        return seed
    }

    /// Signs the demo user up, or in when a first start ended in the middle of this.
    private static func session(through api: API) async throws -> API.Session {
        do {
            return try await api.signUp(email: user.email, password: user.password)
        } catch let refusal as API.Refused where refusal.status == HTTPResponse.Status.unprocessableContent.code {
            return try await api.signIn(email: user.email, password: user.password)
        }
    }
}
