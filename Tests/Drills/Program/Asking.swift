import FunctionJSON
import HTTPTypes
import WebClient

/// What came of asking an agent.
struct Answer: Sendable {
    let status: Int
    let code: String?
    let retryAfter: Bool
    let usageID: String?
    let secondsCharged: Int?
}

extension World {
    /// Asks once.
    ///
    /// - Returns: nil when there was no whole answer.
    func ask(_ agent: Agent, server: Int = 0, idempotencyKey: String? = nil) async -> Answer? {
        var fields: HTTPFields = [.contentType: "application/json", HTTPField.Name("X-AGENT-KEY")!: agent.key]
        if let idempotencyKey { fields[HTTPField.Name("Idempotency-Key")!] = idempotencyKey }
        let request = WebRequest(
            method: .post, url: "\(url(of: server))/api/agent/\(agent.id)/webhook", fields: fields,
            body: Array(#"{"message":"Hello"}"#.utf8), deadline: .now + .seconds(30))
        guard let response = try? await place.client.send(request) else { return nil }
        let json = try? JSONValue(parsing: response.body)
        return Answer(
            status: response.status.code, code: json?["code"]?.text, retryAfter: response.fields[.retryAfter] != nil,
            usageID: json?["usage"]?["id"]?.text, secondsCharged: json?["usage"]?["secondsCharged"]?.integer)
    }
}
