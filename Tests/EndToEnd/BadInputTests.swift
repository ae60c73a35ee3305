import FunctionTesting
import HTTPTypes
import Testing

extension EndToEnd {
    /// What a caller reads who does something wrong, the same on every host.
    @Suite struct BadInputTests {
        @Test("wrong requests get the right problem", arguments: Host.kinds)
        func problems(_ host: Host) async throws {
            let bed = try await TestBed.shared.value
            try await host.serve(bed) { sender in
                let person = try await Person.signUp(sender)
                let agent = try await person.createAgent()
                try await body(person)
                try await caller(person, agent)
                try await route(person)
            }
        }

        private func body(_ person: Person) async throws {
            let broken = try await person.post("/api/create-agent", json: #"{"name":"#)
            #expect(broken.status == .badRequest)
            #expect(broken.problemCode == "malformed_json")
            let wrong = try await person.post("/api/create-agent", json: #"{"name":"","voiceId":"robot"}"#)
            #expect(wrong.status == .unprocessableContent)
            let fields = try wrong.decode(Problem422.self).errors.map(\.field)
            #expect(Set(fields) == ["name", "systemPrompt", "voiceId"])
            #expect(try await person.post("/api/create-payment-link", json: #"{"plan":"gold"}"#).status.code == 422)
            let large = try await person.post(
                "/api/generate-voice", json: #"{"text":"\#(String(repeating: "x", count: 70_000))"}"#)
            #expect(large.status.code == 413)
            #expect(large.problemCode == "body_too_large")
            let plain = try await person.sender.send(
                TestRequest(
                    .post, "/api/create-agent",
                    fields: [.authorization: "Bearer \(person.token)", .contentType: "text/plain"],
                    body: Array("hi".utf8)))
            #expect(plain.problemCode == "unsupported_media_type")
        }

        private func caller(_ person: Person, _ agent: Person.Agent) async throws {
            let sender = person.sender
            #expect(try await sender.get("/api/usage-report").problemCode == "unauthorized")
            #expect(
                try await sender.get("/api/usage-report", fields: [.authorization: "Bearer a.b.c"]).status
                    == .unauthorized)
            let wrongKey = Person.Agent(
                agentId: agent.agentId, apiKey: "agt_00000000000000000000000000000000", webhookUrl: "")
            let wrongAgent = Person.Agent(
                agentId: "00000000-0000-4000-8000-000000000000", apiKey: agent.apiKey, webhookUrl: "")
            let noAgent = Person.Agent(agentId: "x", apiKey: agent.apiKey, webhookUrl: "")
            for bad in [wrongKey, wrongAgent, noAgent] {
                let response = try await person.ask(bad, "Hi")
                #expect(response.status == .unauthorized)
                #expect(try response.decode(Problem422.self).comparable == Problem422.unauthorized)
            }
            #expect(
                try await sender.get(
                    "/api/usage-report",
                    fields: [
                        .authorization: "Bearer \(person.token)",
                        .init("X-Workspace-Id")!: "00000000-0000-4000-8000-000000000000",
                    ]
                ).problemCode == "forbidden")
            let signature = try await sender.post(
                "/api/flutterwave-webhook", json: "{}", fields: [.init("verif-hash")!: "no"])
            #expect(signature.problemCode == "invalid_signature")
        }

        private func route(_ person: Person) async throws {
            let method = try await person.get("/api/create-agent")
            #expect(method.status == .methodNotAllowed)
            #expect(method.fields[.allow]?.contains("POST") == true)
            #expect(try await person.get("/api/nothing").problemCode == "not_found")
            #expect(try await person.get("/api/payment-status?txRef=cw-none").problemCode == "not_found")
            let goTrue = try await person.sender.post(
                "/auth/v1/token?grant_type=password", json: #"{"email":"a@b.c","password":"x"}"#)
            #expect(goTrue.status == .badRequest)
            #expect(try goTrue.json["error_code"]?.text == "invalid_credentials")
        }

        private struct Problem422: Decodable {
            struct Violation: Decodable { let field: String }
            let code: String
            let title: String
            let status: Int
            var errors: [Violation] { violations ?? [] }
            private let violations: [Violation]?

            enum CodingKeys: String, CodingKey {
                case code, title, status
                case violations = "errors"
            }

            var comparable: [String] { [code, title, "\(status)"] }
            static let unauthorized = [
                "unauthorized", "Say who you are: the credentials are missing or not valid", "401",
            ]
        }
    }
}
