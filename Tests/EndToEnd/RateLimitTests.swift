import EmulatorControl
import FunctionTesting
import HTTPTypes
import PostgresClient
import Testing

@testable import callwaiting

extension EndToEnd {
    /// How much one caller may ask for, whichever process answers.
    @Suite struct RateLimitTests {
        /// Two servers that share nothing but the database.
        private func withServers(
            _ changes: [String: String],
            _ body: (_ one: any RequestSender, _ other: any RequestSender, Assembly, TestBed) async throws -> Void
        ) async throws {
            let bed = try await TestBed.shared.value
            let (one, other) = (try await bed.assembly(changes), try await bed.assembly(changes))
            // An address of the test's own: buckets outlive it.
            let address =
                "2001:db8:\(String(UInt16.random(in: 0 ... .max), radix: 16)):\(String(UInt16.random(in: 0 ... .max), radix: 16))::1"
            try await body(
                TestClient(one.application, clientAddress: address),
                TestClient(other.application, clientAddress: address), one, bed)
            await one.services.shutdown()
            await other.services.shutdown()
        }

        private func expectLimited(_ response: TestResponse, _ policy: String, within seconds: ClosedRange<Int>) throws
        {
            #expect(response.status == .tooManyRequests, "\(response.text)")
            let retry = try #require(response.fields[.retryAfter].flatMap { Int($0) })
            #expect(seconds.contains(retry))
            let name = policy.prefix { $0 != ";" }
            #expect(response.fields[HTTPField.Name("RateLimit-Policy")!] == policy)
            #expect(response.fields[HTTPField.Name("RateLimit")!] == "\(name);r=0;t=\(retry)")
        }

        @Test("a key is good for so many messages a minute over all processes, and then says when again")
        func agentKey() async throws {
            try await withServers(["RATE_LIMIT_AGENT": "2"]) { one, other, assembly, _ in
                let person = try await Person.signUp(one)
                let (agent, another) = (try await person.createAgent(), try await person.createAgent())
                let elsewhere = Person(sender: other, email: person.email, token: person.token)
                #expect(try await person.ask(agent, "One").status == .ok)
                #expect(try await elsewhere.ask(agent, "Two").status == .ok)
                for somewhere in [person, elsewhere] {
                    let refused = try await somewhere.ask(agent, "Three")
                    #expect(refused.problemCode == "rate_limited")
                    try expectLimited(refused, #""agent";q=2;w=60"#, within: 1...30)
                }
                #expect(try await elsewhere.ask(another, "Another's").status == .ok)
            }
        }

        @Test("a limit costs no round trip: admit and settle are all that a reply asks of the database")
        func roundTrips() async throws {
            try await withServers(["RATE_LIMIT_AGENT": "100", "AGENT_CALLS_AT_ONCE": "5"]) { one, _, assembly, _ in
                let person = try await Person.signUp(one)
                let agent = try await person.createAgent()
                let before = assembly.services.database.statistics.transactions
                #expect(try await person.ask(agent, "One").status == .ok)
                #expect(assembly.services.database.statistics.transactions - before == 2)
            }
        }

        @Test("an agent makes so many replies at a time over all processes, and then says to come back")
        func atOnce() async throws {
            try await withServers(["AGENT_CALLS_AT_ONCE": "1"]) { one, other, _, bed in
                let person = try await Person.signUp(one)
                let (agent, another) = (try await person.createAgent(), try await person.createAgent())
                let elsewhere = Person(sender: other, email: person.email, token: person.token)
                bed.board.add(Fault(.hold), to: .openai)
                defer { bed.board.clearFaults(of: .openai) }
                async let slow = person.ask(agent, "Take your time")
                // The slow one is in the books as soon as it is admitted.
                #expect(try await eventually { try await person.usage().secondsReserved > 0 })
                let refused = try await elsewhere.ask(agent, "Me too")
                #expect(refused.status == .tooManyRequests)
                #expect(refused.problemCode == "too_many_at_once")
                #expect(refused.fields[.retryAfter] == "1")
                #expect(try await elsewhere.ask(another, "Another agent goes on").status == .ok)
                bed.board.clearFaults(of: .openai)
                #expect(try await slow.status == .ok)
                #expect(try await elsewhere.ask(agent, "Now").status == .ok)
            }
        }

        @Test("a person has so much spoken, makes so many agents and keys, and begins so many payments a minute")
        func person() async throws {
            let limits = ["RATE_LIMIT_SPEECH": "1", "RATE_LIMIT_AGENTS": "1", "RATE_LIMIT_PAYMENTS": "1"]
            try await withServers(limits) { one, other, _, _ in
                let person = try await Person.signUp(one)
                let elsewhere = Person(sender: other, email: person.email, token: person.token)
                let agent = try await person.createAgent()
                let another = #"{"name":"x","systemPrompt":"y","voiceId":"soft_f"}"#
                try expectLimited(
                    try await elsewhere.post("/api/create-agent", json: another), #""agents";q=1;w=60"#, within: 1...60)
                let rotate = "/api/agent/\(agent.agentId)/rotate-key"
                #expect(try await person.post(rotate, json: "{}").status == .created)
                try expectLimited(try await elsewhere.post(rotate, json: "{}"), #""agents";q=1;w=60"#, within: 1...60)
                #expect(try await person.speak("Hello").status == .ok)
                try expectLimited(try await elsewhere.speak("Hello"), #""speech";q=1;w=60"#, within: 1...60)
                let plan = #"{"plan":"basic"}"#
                #expect(try await person.post("/api/create-payment-link", json: plan).status == .ok)
                try expectLimited(
                    try await elsewhere.post("/api/create-payment-link", json: plan), #""payments";q=1;w=60"#,
                    within: 1...60)
                #expect(try await person.usage().secondsReserved == 0, "who is refused holds nothing")
            }
        }

        @Test("an address signs up, in and on so often, and reads why in GoTrue's words")
        func address() async throws {
            let limits = ["RATE_LIMIT_SIGN_UP": "1", "RATE_LIMIT_SIGN_IN": "2", "RATE_LIMIT_REFRESH": "1"]
            try await withServers(limits) { one, other, _, _ in
                _ = try await Person.signUp(one)
                let again = try await other.post(
                    "/auth/v1/signup", json: #"{"email":"again@example.com","password":"correct horse"}"#)
                try expectLimited(again, #""sign-up";q=1;w=60"#, within: 1...60)
                #expect(try again.json["error_code"]?.text == "over_request_rate_limit")
                for (path, body, limit) in [
                    ("password", #"{"email":"nobody@example.com","password":"wrong"}"#, 2),
                    ("refresh_token", #"{"refresh_token":"none"}"#, 1),
                ] {
                    for attempt in 0...limit {
                        let sender = attempt % 2 == 0 ? one : other
                        let response = try await sender.post("/auth/v1/token?grant_type=\(path)", json: body)
                        #expect(response.status == (attempt < limit ? .badRequest : .tooManyRequests), "\(path)")
                    }
                }
            }
        }

        @Test("an account is guessed at so often, from wherever, whether it is there or not")
        func account() async throws {
            try await withServers(["RATE_LIMIT_ACCOUNT": "2"]) { one, _, assembly, _ in
                let person = try await Person.signUp(one)
                for email in [person.email, "nobody-\(person.email)"] {
                    for attempt in 1...3 {
                        let sender = TestClient(assembly.application, clientAddress: "192.0.2.\(attempt)")
                        let response = try await sender.post(
                            "/auth/v1/token?grant_type=password", json: #"{"email":"\#(email)","password":"wrong"}"#)
                        #expect(response.status == (attempt <= 2 ? .badRequest : .tooManyRequests))
                    }
                }
            }
        }

        @Test("the worker forgets buckets that are full again, and no others")
        func forgetting() async throws {
            let bed = try await TestBed.shared.value
            let database = try await bed.superuser()
            _ = try await database.query(
                Statement(
                    """
                    insert into private.rate_limits (bucket, full_at)
                    values ('worker full', now() - interval '1 minute'), ('worker empty', now() + interval '1 minute')
                    """))
            #expect(try await bed.run("callwaiting", ["worker", "--once"]).status.isSuccess)
            let left = try await database.query(
                Statement(
                    "select string_agg(bucket, ',') as names from private.rate_limits where bucket like 'worker %'")
            ).one()
            #expect(try left.decode("names", as: String.self) == "worker empty")
            await database.close()
        }

        @Test(
            "an address that is none is no bucket and no error", arguments: [nil, "unix:", "fe80::1%eth0", "1.2.3.4\0"])
        func noAddress(_ address: String?) async throws {
            let bed = try await TestBed.shared.value
            let assembly = try await bed.assembly(["RATE_LIMIT_SIGN_UP": "1"])
            for _ in 1...2 { _ = try await Person.signUp(TestClient(assembly.application, clientAddress: address)) }
            await assembly.services.shutdown()
        }
    }
}
