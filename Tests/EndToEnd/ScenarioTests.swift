import DevHost
import FoundationEssentials
import FunctionTesting
import HTTPTypes
import Testing
import WebClient

extension EndToEnd {
    /// The main job, the same on every host.
    @Suite struct ScenarioTests {
        @Test("the main job runs", arguments: Host.allCases)
        func mainJob(_ host: Host) async throws {
            let bed = try await TestBed.shared.value
            try await host.serve(bed) { sender in
                let person = try await Person.signUp(sender)
                let trial = TestBed.trialMinutes * 60
                #expect(try await person.usage().secondsRemaining == trial)

                let agent = try await person.createAgent()
                #expect(agent.webhookUrl == "http://127.0.0.1:9/api/agent/\(agent.agentId)/webhook")
                let answer = try await person.ask(agent, "What are your business hours?").decode(Person.Answer.self)
                #expect(answer.replyText.contains("9 am to 5 pm"))
                #expect(answer.usage.secondsCharged == Int(answer.duration.rounded(.up)))
                #expect(answer.usage.secondsRemaining == trial - answer.usage.secondsCharged)

                try await hear(answer, sender)
                try await goOn(answer, agent, person)
                try await reachTheLimit(person, agent, bed)
                try await pay(person, bed)
                #expect(try await person.ask(agent, "Hello?").status == .ok)
                try expectNoSecrets(person, agent, answer, bed)
            }
        }

        /// Everything that the server, the web server and the worker have written so far.
        private func expectNoSecrets(
            _ person: Person, _ agent: Person.Agent, _ answer: Person.Answer, _ bed: TestBed
        ) throws {
            let log = try #require(
                FileManager.default.contents(atPath: "\(bed.directory)/state/logs/\(Supervisor.logName)"))
            let text = String(decoding: log, as: UTF8.self)
            let secrets = [
                person.token, person.email, "correct horse", agent.apiKey, "What are your business hours?",
                answer.replyText, TestBed.secretHash, "sk-test", "mm-test", "FLWSECK_TEST-1", "signature=",
                "test-secret-test-secret", "audio-key-audio-key",
            ]
            for secret in secrets { #expect(!text.contains(secret), "\(secret) is in the log") }
        }

        private func hear(_ answer: Person.Answer, _ sender: any RequestSender) async throws {
            let target = String(answer.audioUrl.dropFirst("http://127.0.0.1:9".count))
            let audio = try await sender.get(target)
            #expect(audio.status == .ok)
            #expect(audio.fields[.contentType] == "audio/mpeg")
            // 64 kbit/s are 8 bytes a millisecond.
            #expect(abs(Double(audio.body.count) / 8_000 - answer.duration) < 0.3)
            let part = try await sender.get(target, fields: [.range: "bytes=0-99"])
            #expect(part.status == .partialContent)
            #expect(part.body == Array(audio.body[..<100]))
            #expect(part.fields[.contentRange] == "bytes 0-99/\(audio.body.count)")
            #expect(try await sender.get(target + "0").problemCode == "invalid_audio_link")
        }

        private func goOn(_ answer: Person.Answer, _ agent: Person.Agent, _ person: Person) async throws {
            let next = try await person.ask(agent, "Thank you!", conversation: answer.conversationId)
            #expect(try next.decode(Person.Answer.self).conversationId == answer.conversationId)
            let other = try await person.ask(agent, "Hi", conversation: "00000000-0000-4000-8000-000000000000")
            #expect(other.status == .unprocessableContent)
            #expect(other.problemCode == "unknown_conversation")
        }

        private func reachTheLimit(_ person: Person, _ agent: Person.Agent, _ bed: TestBed) async throws {
            try await person.useUp()
            let (chats, speeches) = (bed.board.report(of: .openai).requests, bed.board.report(of: .minimax).requests)
            let refused = try await person.ask(agent, "Still there?")
            #expect(refused.status.code == 402)
            #expect(refused.problemCode == "quota_exceeded")
            #expect(try await person.speak("One more word.").problemCode == "quota_exceeded")
            #expect(bed.board.report(of: .openai).requests == chats, "no provider is called once nothing is left")
            #expect(bed.board.report(of: .minimax).requests == speeches)
            let usage = try await person.usage()
            #expect(usage.secondsRemaining == 0)
            #expect(usage.secondsUsed == TestBed.trialMinutes * 60)
        }

        private func pay(_ person: Person, _ bed: TestBed) async throws {
            let link = try await person.post("/api/create-payment-link", json: #"{"plan":"basic"}"#)
                .decode(Person.PaymentLink.self)
            #expect(
                try await status(of: link, person) == Person.Payment(status: "pending", plan: "basic", minutes: 500))
            let checkout = try await bed.client.send(
                WebRequest(
                    method: .post, url: link.paymentLink,
                    fields: [.contentType: "application/x-www-form-urlencoded"], body: Array("action=pay".utf8),
                    deadline: .now + .seconds(10)))
            #expect((200..<400).contains(checkout.status.code))
            #expect(try await eventually { try await status(of: link, person).status == "active" })
            let usage = try await person.usage()
            #expect(usage.plan == "basic")
            #expect(usage.minutesQuota == TestBed.trialMinutes + 500)
            #expect(usage.periodEnd != nil)
        }

        private func status(of link: Person.PaymentLink, _ person: Person) async throws -> Person.Payment {
            try await person.get("/api/payment-status?txRef=\(link.txRef)").decode(Person.Payment.self)
        }
    }
}
