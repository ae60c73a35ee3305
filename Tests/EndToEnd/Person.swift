import FoundationEssentials
import FunctionCore
import FunctionTesting
import HTTPTypes
import Testing

@testable import callwaiting

/// Somebody who uses the product through its public interface.
struct Person {
    let sender: any RequestSender
    let email: String
    let token: String

    /// Signs a new person up.
    static func signUp(_ sender: any RequestSender) async throws -> Person {
        let email = "p\([UInt8].random(count: 6).hex)@example.com"
        let response = try await sender.post(
            "/auth/v1/signup",
            json: #"{"email":"\#(email)","password":"correct horse","data":{"full_name":"A Person"}}"#)
        try #require(response.status == .ok, "\(response.text)")
        let session = try response.decode(Session.self)
        return Person(sender: sender, email: email, token: session.access_token)
    }

    struct Session: Decodable {
        let access_token: String
        let refresh_token: String
    }

    struct Agent: Decodable {
        let agentId: String
        let apiKey: String
        let webhookUrl: String
    }

    struct Receipt: Decodable, Equatable {
        let id: String
        let secondsCharged: Int
        let secondsReserved: Int
        let secondsRemaining: Int
    }

    struct Answer: Decodable {
        let replyText: String
        let audioUrl: String
        let duration: Double
        let conversationId: String
        let usage: Receipt
    }

    struct Speech: Decodable {
        let audioUrl: String
        let duration: Double
        let usage: Receipt
    }

    struct Usage: Decodable, Equatable {
        let minutesUsed: Int
        let minutesQuota: Int
        let remaining: Int
        let plan: String
        let secondsUsed: Int
        let secondsReserved: Int
        let secondsRemaining: Int
        let periodEnd: String?
    }

    struct PaymentLink: Decodable {
        let paymentLink: String
        let txRef: String
    }

    struct Payment: Decodable, Equatable {
        let status: String
        let plan: String
        let minutes: Int
    }

    func get(_ target: String) async throws -> TestResponse {
        try await sender.get(target, fields: [.authorization: "Bearer \(token)"])
    }

    func post(_ target: String, json: String) async throws -> TestResponse {
        try await sender.post(target, json: json, fields: [.authorization: "Bearer \(token)"])
    }

    func createAgent(
        prompt: String = "You answer for Sunrise Dental. Our business hours are 9 am to 5 pm."
    ) async throws -> Agent {
        let response = try await post(
            "/api/create-agent", json: #"{"name":"Front desk","systemPrompt":"\#(prompt)","voiceId":"warm_m"}"#)
        try #require(response.status == .created, "\(response.text)")
        return try response.decode(Agent.self)
    }

    func ask(_ agent: Agent, _ message: String, conversation: String? = nil) async throws -> TestResponse {
        let more = conversation.map { #","conversationId":"\#($0)""# } ?? ""
        return try await sender.post(
            "/api/agent/\(agent.agentId)/webhook", json: #"{"message":"\#(message)"\#(more)}"#,
            fields: [.agentKey: agent.apiKey])
    }

    func speak(_ text: String) async throws -> TestResponse {
        try await post("/api/generate-voice", json: #"{"text":"\#(text)","voiceId":"professional_f"}"#)
    }

    func usage() async throws -> Usage { try await get("/api/usage-report").decode(Usage.self) }

    /// Uses all minutes up, by having texts spoken.
    func useUp() async throws {
        let text = String(repeating: "All of these words are spoken, one after another. ", count: 60)
        for _ in 0..<20 {
            let response = try await speak(text)
            if response.status.code == 402 { return }
            try #require(response.status == .ok, "\(response.text)")
        }
        Issue.record("the minutes do not end")
    }
}

extension HTTPField.Name {
    static let agentKey = HTTPField.Name("X-AGENT-KEY")!
}

/// Polls until `isTrue` holds.
func eventually(within time: Duration = .seconds(20), _ isTrue: () async throws -> Bool) async throws -> Bool {
    let limit = ContinuousClock.now + time
    while .now < limit {
        if try await isTrue() { return true }
        try await Task.sleep(for: .milliseconds(50))
    }
    return false
}
