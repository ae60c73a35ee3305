import EmulatorControl
import FunctionTesting
import HTTPTypes
import PostgresClient
import Testing
import WebClient

@testable import callwaiting

extension EndToEnd {
    /// Payments whose webhook or verify answer is not as it should be.
    @Suite struct PaymentFaultTests {
        private func withPerson(_ body: (TestBed, Person) async throws -> Void) async throws {
            let bed = try await TestBed.shared.value
            let assembly = try await bed.assembly()
            defer { bed.board.clearFaults(of: .flutterwave) }
            try await body(bed, try await Person.signUp(TestClient(assembly.application)))
            await assembly.services.shutdown()
        }

        private func pay(_ person: Person, _ bed: TestBed, action: String = "pay") async throws -> Person.PaymentLink {
            let link = try await person.post("/api/create-payment-link", json: #"{"plan":"pro"}"#)
                .decode(Person.PaymentLink.self)
            _ = try await bed.client.send(
                WebRequest(
                    method: .post, url: link.paymentLink,
                    fields: [.contentType: "application/x-www-form-urlencoded"], body: Array("action=\(action)".utf8),
                    deadline: .now + .seconds(10)))
            return link
        }

        private func status(_ link: Person.PaymentLink, _ person: Person) async throws -> String {
            try await person.get("/api/payment-status?txRef=\(link.txRef)").decode(Person.Payment.self).status
        }

        /// Lets the worker look at everything now that it would look at later.
        private func work(_ bed: TestBed) async throws {
            let database = try await bed.superuser()
            try await database.execute(
                "update public.subscriptions set next_check_at = now() where next_check_at > now()")
            try await database.execute(
                "update public.payment_events set next_attempt_at = now() where processed_at is null")
            await database.close()
            let run = try await bed.run("callwaiting", ["worker", "--once"])
            try #require(run.status.isSuccess, "\(run.output)")
        }

        @Test("a declined payment fails and grants nothing")
        func declined() async throws {
            try await withPerson { bed, person in
                let link = try await pay(person, bed, action: "decline")
                #expect(try await eventually { try await status(link, person) == "failed" })
                #expect(try await person.usage().minutesQuota == TestBed.trialMinutes)
            }
        }

        @Test("an abandoned checkout stays pending")
        func abandoned() async throws {
            try await withPerson { bed, person in
                let link = try await pay(person, bed, action: "abandon")
                let asked = bed.board.report(of: .flutterwave).operations["verify", default: 0]
                try await work(bed)
                #expect(bed.board.report(of: .flutterwave).operations["verify", default: 0] > asked, "the worker asked")
                #expect(try await status(link, person) == "pending")
            }
        }

        @Test("a webhook delivered twice grants once")
        func duplicate() async throws {
            try await withPerson { bed, person in
                bed.board.add(Fault(.duplicateWebhook), to: .flutterwave)
                let link = try await pay(person, bed)
                #expect(try await eventually { try await status(link, person) == "active" })
                try await work(bed)
                #expect(try await person.usage().minutesQuota == TestBed.trialMinutes + 5_000)
            }
        }

        @Test(
            "a verify answer about another amount, currency or payment grants nothing",
            arguments: [
                Fault(.wrongAmount, times: nil), Fault(.wrongCurrency, times: nil), Fault(.wrongReference, times: nil),
            ])
        func mismatch(_ fault: Fault) async throws {
            try await withPerson { bed, person in
                bed.board.add(fault, to: .flutterwave)
                let before = try await processed(bed)
                let link = try await pay(person, bed)
                #expect(try await eventually { try await processed(bed) > before }, "the event has been looked at")
                #expect(try await status(link, person) != "active")
                #expect(try await person.usage().minutesQuota == TestBed.trialMinutes)
            }
        }

        /// Payment events that have been decided or put off at least once.
        private func processed(_ bed: TestBed) async throws -> Int {
            let database = try await bed.superuser()
            let row = try await database.query(
                Statement(
                    "select count(*) as n from public.payment_events where processed_at is not null or attempts > 0")
            ).one()
            await database.close()
            return try row.decode("n", as: Int.self)
        }

        @Test("a webhook that never comes is made up for by the worker")
        func lost() async throws {
            try await withPerson { bed, person in
                bed.board.add(Fault(.lostWebhook), to: .flutterwave)
                let link = try await pay(person, bed)
                #expect(try await status(link, person) == "pending")
                try await work(bed)
                #expect(try await status(link, person) == "active")
            }
        }

        @Test("an event that cannot be verified now is kept, acknowledged, and verified by the worker")
        func verifyDown() async throws {
            try await withPerson { bed, person in
                bed.board.add(Fault(.verifyDown, times: nil), to: .flutterwave)
                let before = try await processed(bed)
                let link = try await pay(person, bed)
                #expect(try await eventually { try await processed(bed) > before })
                #expect(try await status(link, person) == "pending")
                bed.board.clearFaults(of: .flutterwave)
                try await work(bed)
                #expect(try await status(link, person) == "active")
            }
        }

        @Test(
            "a signed event that Postgres cannot store is 400, and one that only looks like it is stored",
            arguments: [
                (#"{"event":"a\u0000"}"#, 400), (#"{"data":{"amount":1e200000}}"#, 400),
                (#"{"event":"a\\u0000"}"#, 200),
            ])
        func unstorable(_ body: String, _ status: Int) async throws {
            try await withPerson { _, person in
                let response = try await person.sender.post(
                    "/api/flutterwave-webhook", json: body, fields: [.init("verif-hash")!: TestBed.secretHash])
                #expect(response.status.code == status)
                #expect(response.problemCode == (status == 400 ? "malformed_json" : nil))
            }
        }

        @Test("a forged webhook is refused")
        func forged() async throws {
            try await withPerson { bed, person in
                bed.board.add(Fault(.forgedWebhook, times: nil), to: .flutterwave)
                let link = try await pay(person, bed)
                try await work(bed)
                // The payment itself is real, so the worker finds it; the forged event has left no trace.
                #expect(try await status(link, person) == "active")
                let database = try await bed.superuser()
                let row = try await database.query(
                    Statement("select count(*) as n from public.payment_events where tx_ref = $1", [link.txRef])
                ).one()
                #expect(try row.decode("n", as: Int.self) == 0)
                await database.close()
            }
        }
    }
}
