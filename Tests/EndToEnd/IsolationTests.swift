import DevHost
import FunctionTesting
import HTTPTypes
import Logging
import PostgresClient
import Testing

@testable import callwaiting

extension EndToEnd {
    /// Two people see nothing of each other, through any endpoint or in SQL.
    @Suite struct IsolationTests {
        @Test("nothing of one person's is another's, through any endpoint")
        func endpoints() async throws {
            let bed = try await TestBed.shared.value
            let assembly = try await bed.assembly()
            let sender = TestClient(assembly.application)
            let (ada, bob) = (try await Person.signUp(sender), try await Person.signUp(sender))
            let agent = try await ada.createAgent()
            let bobsAgent = try await bob.createAgent()
            let answer = try await ada.ask(agent, "What are your business hours?").decode(Person.Answer.self)
            let link = try await ada.post("/api/create-payment-link", json: #"{"plan":"basic"}"#)
                .decode(Person.PaymentLink.self)

            let mixed = Person.Agent(agentId: agent.agentId, apiKey: bobsAgent.apiKey, webhookUrl: "")
            #expect(try await bob.ask(mixed, "Hi").status == .unauthorized)
            #expect(
                try await bob.ask(bobsAgent, "Hi", conversation: answer.conversationId).problemCode
                    == "unknown_conversation")
            #expect(try await bob.get("/api/payment-status?txRef=\(link.txRef)").problemCode == "not_found")
            #expect(try await bob.usage().secondsUsed == 0)
            let workspace = try await workspace(of: ada, bed)
            let fields: HTTPFields = [.authorization: "Bearer \(bob.token)", .init("X-Workspace-Id")!: workspace]
            #expect(try await sender.get("/api/usage-report", fields: fields).problemCode == "forbidden")
            for (path, body) in [
                ("/api/create-agent", #"{"name":"x","systemPrompt":"y","voiceId":"soft_f"}"#),
                ("/api/generate-voice", #"{"text":"x","voiceId":"soft_f"}"#),
                ("/api/create-payment-link", #"{"plan":"basic"}"#),
            ] {
                #expect(try await sender.post(path, json: body, fields: fields).problemCode == "forbidden")
            }
            await assembly.services.shutdown()
        }

        @Test("as role authenticated each person's rows are all that SQL shows them")
        func sql() async throws {
            let bed = try await TestBed.shared.value
            let assembly = try await bed.assembly()
            let sender = TestClient(assembly.application)
            let (ada, bob) = (try await Person.signUp(sender), try await Person.signUp(sender))
            for person in [ada, bob] { _ = try await person.createAgent() }
            for person in [ada, bob] {
                let row = try await assembly.services.database.query(
                    Statement(
                        """
                        select (select count(*) from public.profiles) as profiles,
                          (select count(*) from public.workspaces) as workspaces,
                          (select count(*) from public.agents) as agents,
                          (select count(*) from public.grants) as grants,
                          (select string_agg(email, ',') from public.profiles) as email
                        """),
                    as: .authenticated, claims: try await claims(of: person, bed), deadline: .now + .seconds(5)
                ).one()
                for table in ["profiles", "workspaces", "agents", "grants"] {
                    #expect(try row.decode(table, as: Int.self) == 1, "\(table)")
                }
                #expect(try row.decode("email", as: String.self) == person.email)
            }
            for statement in [
                "update public.workspaces set minutes_quota = 1000000", "delete from public.usage_logs",
                "select key_hash from public.api_keys", "select * from auth.users",
                "select private.settle(null,1,'voice',0,'{}',null,null,null,null,null)",
                "select private.settle_set('{}','{}','{}',null,null,null,null,null,null,null)",
            ] {
                await #expect(throws: DatabaseError.self, "\(statement)") {
                    try await assembly.services.database.query(
                        Statement(statement), as: .authenticated, claims: try await claims(of: ada, bed),
                        deadline: .now + .seconds(5))
                }
            }
            await assembly.services.shutdown()
        }

        private func claims(of person: Person, _ bed: TestBed) async throws -> String {
            let database = try await bed.superuser()
            let row = try await database.query(Statement("select id from auth.users where email = $1", [person.email]))
                .one()
            await database.close()
            return #"{"sub":"\#(try row.decode("id", as: String.self))","role":"authenticated"}"#
        }

        private func workspace(of person: Person, _ bed: TestBed) async throws -> String {
            let database = try await bed.superuser()
            let row = try await database.query(
                Statement(
                    """
                    select m.workspace_id from public.memberships m join auth.users u on u.id = m.user_id where u.email = $1
                    """, [person.email])
            ).one()
            await database.close()
            return try row.decode("workspace_id", as: String.self)
        }
    }
}
