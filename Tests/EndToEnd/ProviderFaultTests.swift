import AudioStore
import EmulatorControl
import FoundationEssentials
import FunctionCore
import FunctionTesting
import HTTPTypes
import PostgresClient
import Testing

@testable import callwaiting

extension EndToEnd {
    /// What becomes of a reply when somebody else fails: a truthful status, and nothing charged.
    @Suite struct ProviderFaultTests {
        struct Case: Sendable, CustomTestStringConvertible {
            let provider: ControlBoard.Provider
            let fault: Fault
            let status: Int
            let code: String
            var testDescription: String { "\(provider.rawValue) \(fault.kind.rawValue) → \(status) \(code)" }

            init(_ provider: ControlBoard.Provider, _ fault: Fault, _ status: Int, _ code: String) {
                self.provider = provider
                self.fault = fault
                self.status = status
                self.code = code
            }
        }

        static let cases = [
            Case(.openai, Fault(.serverError, times: nil), 503, "provider_unavailable"),
            Case(.openai, Fault(.unavailable, times: nil), 503, "provider_unavailable"),
            Case(.openai, Fault(.rateLimited, times: nil), 503, "provider_unavailable"),
            Case(.openai, Fault(.insufficientQuota, times: nil), 502, "provider_failed"),
            Case(.openai, Fault(.unauthorized, times: nil), 502, "provider_failed"),
            Case(.openai, Fault(.garbage, times: nil), 502, "provider_failed"),
            Case(.openai, Fault(.emptyReply, times: nil), 502, "provider_failed"),
            Case(.minimax, Fault(.serverError, times: nil), 503, "provider_unavailable"),
            Case(.minimax, Fault(.rateLimited, times: nil), 503, "provider_unavailable"),
            Case(.minimax, Fault(.baseResp, times: nil, code: 1_008), 502, "provider_failed"),
            Case(.minimax, Fault(.nullData, times: nil), 502, "provider_failed"),
            Case(.minimax, Fault(.missingAudio, times: nil), 502, "provider_failed"),
            Case(.minimax, Fault(.badHex, times: nil), 502, "provider_failed"),
            Case(.minimax, Fault(.garbage, times: nil), 502, "provider_failed"),
            Case(.minimax, Fault(.timeout, times: nil), 503, "provider_unavailable"),
            Case(.minimax, Fault(.drip, times: nil, milliseconds: 400), 503, "provider_unavailable"),
        ]

        @Test("a provider's failure is said and not charged", arguments: cases)
        func failure(_ example: Case) async throws {
            let bed = try await TestBed.shared.value
            // Providers get what the deadline leaves after three seconds for storing and settling, and some take all of it.
            let isSlow = [.timeout, .drip].contains(example.fault.kind)
            let assembly = try await bed.assembly(["REQUEST_DEADLINE": isSlow ? "5" : "20"])
            let person = try await Person.signUp(TestClient(assembly.application))
            let agent = try await person.createAgent()
            let before = try await person.usage()

            bed.board.add(example.fault, to: example.provider)
            defer { bed.board.clearFaults(of: example.provider) }
            let response = try await person.ask(agent, "What are your business hours?")
            #expect(response.status.code == example.status)
            #expect(response.problemCode == example.code)
            #expect((response.fields[.retryAfter] != nil) == (example.status == 503))
            #expect(try await person.usage() == before, "nothing is charged, and the hold is free again")
            await assembly.services.shutdown()
        }

        @Test("a provider that recovers in time is asked again")
        func recovery() async throws {
            let bed = try await TestBed.shared.value
            let assembly = try await bed.assembly()
            let person = try await Person.signUp(TestClient(assembly.application))
            let agent = try await person.createAgent()
            bed.board.add(Fault(.serverError, times: 1), to: .openai)
            bed.board.add(Fault(.baseResp, times: 1, code: 1_002), to: .minimax)
            let response = try await person.ask(agent, "What are your business hours?")
            #expect(response.status == .ok)
            await assembly.services.shutdown()
        }

        @Test("a recording that cannot be stored is not charged")
        func storage() async throws {
            let bed = try await TestBed.shared.value
            let assembly = try await bed.assembly(["AUDIO_DIRECTORY": "/proc/no-such-directory"])
            let person = try await Person.signUp(TestClient(assembly.application))
            let response = try await person.speak("A word.")
            #expect(response.status == .serviceUnavailable)
            #expect(response.problemCode == "storage_unavailable")
            let usage = try await person.usage()
            #expect(usage.secondsUsed == 0)
            #expect(usage.secondsReserved == 0)
            await assembly.services.shutdown()
        }

        @Test("a caller who leaves while being admitted leaves no hold behind", arguments: [true, false])
        func leavingDuringAdmission(isAgents: Bool) async throws {
            let bed = try await TestBed.shared.value
            let assembly = try await bed.assembly()
            let person = try await Person.signUp(TestClient(assembly.application))
            let agent = try await person.createAgent()
            // Whoever holds the workspace's row keeps everybody else's admission waiting.
            let blocker = try await bed.superuser()
            try await blocker.execute("begin; select from public.workspaces for update")
            let leaving = Task { try await isAgents ? person.ask(agent, "Hi") : person.speak("Hi") }
            let observer = try await bed.superuser()
            let isWaiting = Statement(
                "select exists (select from pg_locks where not granted and locktype = 'transactionid') as waits")
            #expect(try await eventually { try await observer.query(isWaiting).one().decode("waits", as: Bool.self) })
            leaving.cancel()
            try await blocker.execute("commit")
            _ = await leaving.result
            let states = Statement(
                """
                select coalesce(string_agg(r.state, ' '), '') as states
                from public.usage_reservations as r
                join public.profiles as p on p.id = r.user_id
                where p.email = $1
                """, [person.email])
            #expect(
                try await eventually {
                    try await observer.query(states).one().decode("states", as: String.self) == "released"
                })
            #expect(try await person.usage().secondsReserved == 0)
            await observer.close()
            await blocker.close()
            await assembly.services.shutdown()
        }

        /// A good signature for a recording that is not in the store, so that the database is asked what became of it.
        private func signedLinkToNothing() throws -> String {
            let signer = try #require(AudioSigner(keys: "audio-key-audio-key-audio-key-audio-key"))
            return signer.link(to: .random(), lifetime: .seconds(60)).path
        }

        @Test("a database that is down is 503 with Retry-After, at once, on every path that needs it")
        func database() async throws {
            let bed = try await TestBed.shared.value
            let assembly = try await bed.assembly([
                "DATABASE_URL": "postgresql://callwaiting@/callwaiting?host=/tmp/nowhere-at-all"
            ])
            let working = try await bed.assembly()
            let person = try await Person.signUp(TestClient(working.application))
            let agent = try await person.createAgent()
            let stranded = Person(sender: TestClient(assembly.application), email: person.email, token: person.token)
            let responses = [
                try await stranded.get("/api/usage-report"), try await stranded.ask(agent, "Hi"),
                try await stranded.speak("Hi"),
                try await stranded.post("/api/create-payment-link", json: #"{"plan":"pro"}"#),
                try await stranded.get("/readyz"), try await stranded.get("/api/payment-status?txRef=cw-1"),
                try await stranded.post(
                    "/api/create-agent", json: #"{"name":"x","systemPrompt":"y","voiceId":"soft_f"}"#),
                try await stranded.sender.post(
                    "/api/flutterwave-webhook",
                    json: #"{"event":"charge.completed","data":{"id":1,"tx_ref":"cw-1","status":"successful"}}"#,
                    fields: [.init("verif-hash")!: TestBed.secretHash]),
                try await stranded.sender.get(signedLinkToNothing()),
            ]
            for response in responses {
                #expect(response.status == .serviceUnavailable)
                #expect(response.problemCode == "database_unavailable")
                #expect(response.fields[.retryAfter] != nil)
                #expect(!response.text.contains("nowhere"), "the cause stays in the log")
            }
            #expect(try await stranded.get("/healthz").status == .ok)
            await assembly.services.shutdown()
            await working.services.shutdown()
        }
    }
}
