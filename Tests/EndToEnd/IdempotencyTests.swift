import EmulatorControl
import FunctionTesting
import HTTPTypes
import PostgresClient
import Testing

@testable import callwaiting

extension EndToEnd {
    /// Requests that are repeated under an Idempotency-Key.
    @Suite struct IdempotencyTests {
        private enum Kind: String, CaseIterable {
            case reply, voice, link
        }

        /// Sends one request of a kind, under a key.
        private struct Asking {
            let person: Person
            let agent: Person.Agent
            let key: String

            func send(_ kind: Kind, _ text: String = "What are your business hours?") async throws -> TestResponse {
                switch kind {
                case .reply:
                    return try await person.sender.post(
                        "/api/agent/\(agent.agentId)/webhook", json: #"{"message":"\#(text)"}"#,
                        fields: [.agentKey: agent.apiKey, keyField: key])
                case .voice: return try await post("/api/generate-voice", #"{"text":"\#(text)","voiceId":"warm_m"}"#)
                case .link:
                    return try await post(
                        "/api/create-payment-link", #"{"plan":"\#(text.count.isMultiple(of: 2) ? "pro" : "basic")"}"#)
                }
            }

            private func post(_ target: String, _ json: String) async throws -> TestResponse {
                try await person.sender.post(
                    target, json: json,
                    fields: [.authorization: "Bearer \(person.token)", keyField: key])
            }
        }

        private func withAsking(
            _ changes: [String: String] = [:], key: String = "key-\(UInt64.random(in: 0 ... .max))",
            _ body: (TestBed, Asking) async throws -> Void
        ) async throws {
            let bed = try await TestBed.shared.value
            let assembly = try await bed.assembly(changes)
            defer { for provider in ControlBoard.Provider.allCases { bed.board.clearFaults(of: provider) } }
            let person = try await Person.signUp(TestClient(assembly.application))
            try await body(bed, Asking(person: person, agent: try await person.createAgent(), key: key))
            await assembly.services.shutdown()
        }

        private func providerRequests(_ bed: TestBed) -> Int {
            ControlBoard.Provider.allCases.reduce(0) { $0 + bed.board.report(of: $1).requests }
        }

        @Test("the same request under its key gets the same answer, without a provider or a second charge")
        func replayed() async throws {
            try await withAsking { bed, asking in
                for kind in Kind.allCases {
                    let asking = Asking(person: asking.person, agent: asking.agent, key: asking.key + kind.rawValue)
                    let first = try await asking.send(kind)
                    try #require(first.status == .ok, "\(first.text)")
                    #expect(first.fields[replayedField] == nil)
                    let (requests, usage) = (providerRequests(bed), try await asking.person.usage())
                    let again = try await asking.send(kind)
                    #expect(again.status == .ok)
                    #expect(again.fields[replayedField] == "true")
                    #expect(again.text == first.text)
                    #expect(providerRequests(bed) == requests)
                    #expect(try await asking.person.usage() == usage)
                }
            }
        }

        @Test("an answer that is replayed leads to its recording, although the signing key has changed")
        func rotated() async throws {
            let key = "rotated-\(UInt64.random(in: 0 ... .max))"
            try await withAsking(["AUDIO_TTL": "60"], key: key) { bed, asking in
                let first = try await asking.send(.reply).decode(Person.Answer.self)
                let new = try await bed.assembly([
                    "AUDIO_SIGNING_KEY": "another-key-another-key-another-key"
                ])
                let later = Asking(
                    person: Person(
                        sender: TestClient(new.application), email: asking.person.email, token: asking.person.token),
                    agent: asking.agent, key: key)
                let again = try await later.send(.reply).decode(Person.Answer.self)
                #expect(again.audioUrl != first.audioUrl)
                #expect(again.usage == first.usage)
                let target = String(again.audioUrl.dropFirst("http://127.0.0.1:9".count))
                #expect(try await later.person.sender.get(target).status == .ok)
                let database = try await bed.superuser()
                let kept = try await database.query(
                    Statement(
                        """
                        select min(f.expires_at) > now() + interval '23 hours' as kept from public.audio_files as f
                        join private.idempotency_keys as k on k.audio_id = f.id where k.key_hash = sha256($1::bytea)
                        """, [key])
                ).one()
                #expect(try kept.decode("kept", as: Bool.self), "the recording lives as long as the key")
                await database.close()
                await new.services.shutdown()
            }
        }

        @Test("another request under a key is 422 idempotency_conflict, whatever it asks for")
        func conflict() async throws {
            try await withAsking { bed, asking in
                try #require(try await asking.send(.voice).status == .ok)
                try #require(try await asking.send(.reply).status == .ok, "an agent's keys are not a person's")
                let requests = providerRequests(bed)
                for response in [
                    try await asking.send(.voice, "Something else."), try await asking.send(.link),
                    try await asking.send(.reply, "Something else."),
                ] {
                    #expect(response.status == .unprocessableContent)
                    #expect(response.problemCode == "idempotency_conflict")
                }
                #expect(providerRequests(bed) == requests)
            }
        }

        @Test("while a request is being answered the same one is 409 idempotency_running with Retry-After")
        func running() async throws {
            try await withAsking { bed, asking in
                bed.board.add(Fault(.hold), to: .minimax)
                let responses = try await withThrowingTaskGroup(of: TestResponse.self) { group in
                    for _ in 0..<5 { group.addTask { try await asking.send(.voice, "A word.") } }
                    var responses: [TestResponse] = []
                    for try await response in group {
                        responses.append(response)
                        bed.board.clearFaults(of: .minimax)
                    }
                    return responses
                }
                let refused = responses.filter { $0.status == .conflict }
                try #require(!refused.isEmpty)
                #expect(refused.allSatisfy { $0.problemCode == "idempotency_running" && $0.fields[.retryAfter] == "2" })
                #expect(responses.count { $0.status == .ok && $0.fields[replayedField] == nil } == 1)
                #expect(try await asking.person.usage().secondsUsed <= 2, "charged once")
            }
        }

        @Test("a request that failed may be repeated at once under its key")
        func failed() async throws {
            try await withAsking { bed, asking in
                for kind in Kind.allCases {
                    let asking = Asking(person: asking.person, agent: asking.agent, key: asking.key + kind.rawValue)
                    for provider in ControlBoard.Provider.allCases {
                        bed.board.add(Fault(.garbage, times: nil), to: provider)
                    }
                    #expect(try await asking.send(kind).status.code >= 500)
                    for provider in ControlBoard.Provider.allCases { bed.board.clearFaults(of: provider) }
                    let again = try await asking.send(kind)
                    #expect(again.status == .ok, "\(kind): \(again.text)")
                    #expect(again.fields[replayedField] == nil)
                }
            }
        }

        @Test("a key that is none is 422", arguments: ["with space", "", String(repeating: "x", count: 256)])
        func invalid(_ key: String) async throws {
            try await withAsking(key: key) { _, asking in
                let response = try await asking.send(.voice)
                #expect(response.status == .unprocessableContent)
                #expect(response.problemCode == "validation_failed")
            }
        }
    }
}

private let keyField = HTTPField.Name("Idempotency-Key")!
private let replayedField = HTTPField.Name("Idempotent-Replayed")!
