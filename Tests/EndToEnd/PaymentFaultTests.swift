import EmulatorControl
import FunctionTesting
import HTTPTypes
import PostgresClient
import Testing

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

        @Test("a declined payment fails and grants nothing")
        func declined() async throws {
            try await withPerson { bed, person in
                let link = try await person.pay(on: bed, action: "decline")
                #expect(try await eventually { try await person.status(of: link) == "failed" })
                #expect(try await person.usage().minutesQuota == TestBed.trialMinutes)
            }
        }

        @Test("an abandoned checkout stays pending")
        func abandoned() async throws {
            try await withPerson { bed, person in
                let link = try await person.pay(on: bed, action: "abandon")
                let asked = bed.board.report(of: .flutterwave).operations["verify", default: 0]
                try await bed.work()
                #expect(bed.board.report(of: .flutterwave).operations["verify", default: 0] > asked, "the worker asked")
                #expect(try await person.status(of: link) == "pending")
            }
        }

        @Test("a webhook delivered twice grants once")
        func duplicate() async throws {
            try await withPerson { bed, person in
                bed.board.add(Fault(.duplicateWebhook), to: .flutterwave)
                let link = try await person.pay(on: bed)
                #expect(try await eventually { try await person.status(of: link) == "active" })
                try await bed.work()
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
                let link = try await person.pay(on: bed)
                #expect(try await eventually { try await processed(bed) > before }, "the event has been looked at")
                #expect(try await person.status(of: link) != "active")
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
                let link = try await person.pay(on: bed)
                #expect(try await person.status(of: link) == "pending")
                try await bed.work()
                #expect(try await person.status(of: link) == "active")
            }
        }

        @Test("an event that cannot be verified now is kept, acknowledged, and verified by the worker")
        func verifyDown() async throws {
            try await withPerson { bed, person in
                bed.board.add(Fault(.verifyDown, times: nil), to: .flutterwave)
                let before = try await processed(bed)
                let link = try await person.pay(on: bed)
                #expect(try await eventually { try await processed(bed) > before })
                #expect(try await person.status(of: link) == "pending")
                bed.board.clearFaults(of: .flutterwave)
                try await bed.work()
                #expect(try await person.status(of: link) == "active")
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
                let link = try await person.pay(on: bed)
                try await bed.work()
                // The payment itself is real, so the worker finds it; the forged event has left no trace.
                #expect(try await person.status(of: link) == "active")
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
