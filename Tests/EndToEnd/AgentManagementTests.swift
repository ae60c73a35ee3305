import FunctionJSON
import FunctionTesting
import HTTPTypes
import Testing

@testable import callwaiting

extension EndToEnd {
    /// What people do with their agents after they have made them.
    @Suite struct AgentManagementTests {
        private func send(
            _ person: Person, _ method: HTTPRequest.Method, _ target: String, _ json: String? = nil
        ) async throws -> TestResponse {
            var fields: HTTPFields = [.authorization: "Bearer \(person.token)"]
            if json != nil { fields[.contentType] = "application/json" }
            return try await person.sender.send(
                TestRequest(method, target, fields: fields, body: Array((json ?? "").utf8)))
        }

        @Test("an agent is listed, shown, changed, given other keys and deleted", arguments: Host.kinds)
        func life(_ host: Host) async throws {
            let bed = try await TestBed.shared.value
            try await host.serve(bed) { sender in
                let person = try await Person.signUp(sender)
                #expect(try await person.get("/api/agents").text == #"{"agents":[],"next":null}"#)
                let agent = try await person.createAgent()
                let path = "/api/agents/\(agent.agentId)"
                try await look(person, agent, path)
                try await change(person, agent, path)
                try await rotate(person, agent, path)

                #expect(try await send(person, .delete, path).status == .noContent)
                #expect(try await person.ask(agent, "Still there?").status == .unauthorized)
                for (method, target, json) in [
                    (HTTPRequest.Method.get, path, nil), (.delete, path, nil), (.patch, path, "{}"),
                    (.post, "/api/agent/\(agent.agentId)/rotate-key", "{}"),
                ] {
                    #expect(try await send(person, method, target, json).problemCode == "not_found", "\(method)")
                }
                #expect(try await person.get("/api/agents").text == #"{"agents":[],"next":null}"#)
            }
        }

        private func look(_ person: Person, _ agent: Person.Agent, _ path: String) async throws {
            let shown = try await person.get(path).json
            #expect(shown["name"]?.text == "Front desk")
            #expect(shown["webhookUrl"]?.text == agent.webhookUrl)
            #expect(shown["lastUsedAt"] == .null)
            #expect(shown["keys"]?[0]?["hint"]?.text == String(agent.apiKey.suffix(4)))
            #expect(!(try await person.get(path).text.contains(agent.apiKey)), "the key is shown once")
            #expect(try await person.ask(agent, "Hello").status == .ok)
            let used = try await person.get(path).json
            #expect(used["lastUsedAt"]?.text?.hasSuffix("Z") == true)
            #expect(used["keys"]?[0]?["lastUsedAt"] == used["lastUsedAt"])

            let second = try await person.createAgent()
            let first = try await person.get("/api/agents?limit=1").json
            #expect(first["agents"]?[0]?["agentId"]?.text == second.agentId, "newest first")
            #expect(first["agents"]?[0]?["keys"] == nil)
            let next = try #require(first["next"]?.text)
            let rest = try await person.get("/api/agents?limit=1&after=\(next)").json
            #expect(rest["agents"]?[0]?["agentId"]?.text == agent.agentId)
            #expect(rest["next"] == .null)
            #expect(try await send(person, .delete, "/api/agents/\(second.agentId)").status == .noContent)
            for bad in ["limit=0", "limit=101", "limit=x", "after=x"] {
                #expect(try await person.get("/api/agents?\(bad)").problemCode == "validation_failed", "\(bad)")
            }
        }

        private func change(_ person: Person, _ agent: Person.Agent, _ path: String) async throws {
            let changed = try await send(person, .patch, path, #"{"name":"Back office","systemPrompt":null}"#)
            #expect(changed.status == .ok, "\(changed.text)")
            #expect(try changed.json["name"]?.text == "Back office")
            #expect(
                try changed.json["systemPrompt"]?.text?.contains("Sunrise Dental") == true, "what is not given stays")
            #expect(try await send(person, .patch, path, #"{"status":"paused"}"#).status == .ok)
            #expect(try await person.ask(agent, "Hello").status == .unauthorized)
            #expect(try await send(person, .patch, path, #"{"status":"active"}"#).status == .ok)
            #expect(try await person.ask(agent, "Hello").status == .ok)
            for bad in [#"{"status":"deleted"}"#, #"{"name":""}"#, #"{"voiceId":"robot"}"#, "[]"] {
                #expect(try await send(person, .patch, path, bad).problemCode == "validation_failed", "\(bad)")
            }
        }

        private func rotate(_ person: Person, _ agent: Person.Agent, _ path: String) async throws {
            let target = "/api/agent/\(agent.agentId)/rotate-key"
            let rotated = try await person.post(target, json: #"{"graceSeconds":600}"#)
            #expect(rotated.status == .created, "\(rotated.text)")
            let fresh = try #require(try rotated.json["apiKey"]?.text)
            let second = Person.Agent(agentId: agent.agentId, apiKey: fresh, webhookUrl: "")
            for key in [agent, second] { #expect(try await person.ask(key, "Hello").status == .ok) }
            let keys = try await person.get(path).json["keys"]
            #expect(keys?[0]?["expiresAt"] == .null)
            #expect(keys?[1]?["expiresAt"]?.text == (try rotated.json["oldKeysExpireAt"]?.text))

            let old = try #require(keys?[1]?["keyId"]?.text)
            #expect(try await send(person, .delete, "\(path)/keys/\(old)").status == .noContent)
            #expect(try await person.ask(agent, "Hello").status == .unauthorized)
            #expect(try await send(person, .delete, "\(path)/keys/\(old)").problemCode == "not_found")
            #expect(try await person.ask(second, "Hello").status == .ok)

            let third = try #require(try await person.post(target, json: "{}").json["apiKey"]?.text)
            #expect(try await person.ask(second, "Hello").status == .unauthorized, "without a time the old ones stop")
            #expect(
                try await person.ask(.init(agentId: agent.agentId, apiKey: third, webhookUrl: ""), "Hello").status
                    == .ok)
            for bad in [#"{"graceSeconds":-1}"#, #"{"graceSeconds":604801}"#, #"{"graceSeconds":"x"}"#] {
                #expect(try await person.post(target, json: bad).problemCode == "validation_failed", "\(bad)")
            }
        }

        @Test("another's agent is not found, by whatever way it is asked for")
        func others() async throws {
            let bed = try await TestBed.shared.value
            let assembly = try await bed.assembly()
            let sender = TestClient(assembly.application)
            let (ada, bob) = (try await Person.signUp(sender), try await Person.signUp(sender))
            let agent = try await ada.createAgent()
            let key = try #require(try await ada.get("/api/agents/\(agent.agentId)").json["keys"]?[0]?["keyId"]?.text)
            let nobodys = "00000000-0000-4000-8000-000000000000"
            for id in [agent.agentId, nobodys] {
                for (method, target, json) in [
                    (HTTPRequest.Method.get, "/api/agents/\(id)", nil), (.delete, "/api/agents/\(id)", nil),
                    (.patch, "/api/agents/\(id)", #"{"name":"Mine"}"#), (.delete, "/api/agents/\(id)/keys/\(key)", nil),
                    (.post, "/api/agent/\(id)/rotate-key", "{}"),
                ] {
                    let response = try await send(bob, method, target, json)
                    #expect(response.status == .notFound)
                    #expect(response.problemCode == "not_found", "\(method) \(target)")
                }
            }
            #expect(try await bob.get("/api/agents?after=\(agent.agentId)").text == #"{"agents":[],"next":null}"#)
            #expect(try await bob.get("/api/agents/x").problemCode == "validation_failed")
            #expect(try await ada.ask(agent, "Unharmed?").status == .ok)
            await assembly.services.shutdown()
        }
    }
}
