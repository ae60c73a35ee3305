import EmulatorControl
import FunctionTesting
import HTTPTypes
import Testing

@testable import callwaiting

extension EndToEnd {
    /// What docs/payments.md promises of each way in which a payment can go.
    @Suite struct PaymentCaseTests {
        private func withPerson(
            _ changes: [String: String] = [:], _ body: (TestBed, Person) async throws -> Void
        ) async throws {
            let bed = try await TestBed.shared.value
            let assembly = try await bed.assembly(changes)
            defer { bed.board.clearFaults(of: .flutterwave) }
            try await body(bed, try await Person.signUp(TestClient(assembly.application)))
            await assembly.services.shutdown()
        }

        private func tell(_ person: Person, _ json: String) async throws -> TestResponse {
            try await person.sender.post(
                "/api/flutterwave-webhook", json: json, fields: [.init("verif-hash")!: TestBed.secretHash])
        }

        private func event(_ id: Int, _ reference: String, more: String = "") -> String {
            #"{"event":"charge.completed","data":{"id":\#(id),"tx_ref":"\#(reference)","status":"successful"\#(more)}}"#
        }

        @Test("one webhook delivered a thousand times at once grants once")
        func storm() async throws {
            try await withPerson { bed, person in
                bed.board.add(Fault(.lostWebhook), to: .flutterwave)
                let link = try await person.pay(on: bed)
                let body = event(try await bed.transaction(of: link), link.txRef)
                let answers = try await withThrowingTaskGroup(of: Int.self) { group in
                    for _ in 0..<1_000 { group.addTask { try await tell(person, body).status.code } }
                    return try await group.reduce(into: Set<Int>()) { $0.insert($1) }
                }
                #expect(answers.isSubset(of: [200, 503]), "stored, or to be delivered again")
                #expect(answers.contains(200))
                #expect(try await person.status(of: link) == "active")
                #expect(try await person.usage().minutesQuota == TestBed.trialMinutes + 5_000)
            }
        }

        @Test("a webhook that comes before its payment can be seen leaves it to the worker")
        func early() async throws {
            try await withPerson { bed, person in
                bed.board.add(Fault(.lostWebhook), to: .flutterwave)
                let link = try await person.pay(on: bed)
                let database = try await bed.superuser()
                try await database.execute(
                    "update public.subscriptions set tx_ref = 'hidden-' || id where tx_ref = '\(link.txRef)'")
                #expect(try await tell(person, event(bed.transaction(of: link), link.txRef)).status == .ok)
                try await database.execute(
                    """
                    update public.subscriptions set tx_ref = '\(link.txRef)' where tx_ref like 'hidden-%'
                    """)
                await database.close()
                #expect(try await person.status(of: link) == "pending")
                try await bed.work()
                #expect(try await person.status(of: link) == "active")
            }
        }

        @Test("more money than was asked for is enough, and buys what was asked for")
        func overpayment() async throws {
            try await withPerson { bed, person in
                bed.board.add(Fault(.wrongAmount, times: nil, value: 100_000), to: .flutterwave)
                let link = try await person.pay(on: bed)
                #expect(try await eventually { try await person.status(of: link) == "active" })
                #expect(try await person.usage().minutesQuota == TestBed.trialMinutes + 5_000)
            }
        }

        @Test("somebody else's tx_ref in an event is theirs, and changes nothing of ours")
        func othersReference() async throws {
            try await withPerson { bed, person in
                let link = try await person.link()
                bed.board.add(Fault(.lostWebhook), to: .flutterwave)
                let other = try await person.pay(on: bed, plan: "basic")
                // The transaction is real, but of another payment than the event says.
                #expect(try await tell(person, event(bed.transaction(of: other), link.txRef)).status == .ok)
                #expect(try await person.status(of: link) == "pending")
                #expect(try await tell(person, event(987_654, "somebody-elses")).status == .ok)
                #expect(try await person.usage().minutesQuota == TestBed.trialMinutes)
            }
        }

        @Test(
            "a transaction that our key does not know, as of test mode, leaves the payment pending and the event kept")
        func testMode() async throws {
            try await withPerson { bed, person in
                let link = try await person.link()
                #expect(try await tell(person, event(123_456_789, link.txRef)).status == .ok)
                #expect(try await person.status(of: link) == "pending")
                let error = try await bed.look(
                    "select last_error from public.payment_events where tx_ref = $1", [link.txRef])
                #expect(error == "no transaction was found")
            }
        }

        @Test("an event with fields that nobody knows is as good as any, one about nothing is kept and done")
        func unknownFields() async throws {
            try await withPerson { bed, person in
                bed.board.add(Fault(.lostWebhook), to: .flutterwave)
                let link = try await person.pay(on: bed)
                let body = event(
                    try await bed.transaction(of: link), link.txRef, more: #","new":{"deep":[1,null]},"amount":"1e3""#)
                #expect(try await tell(person, body).status == .ok)
                #expect(try await person.status(of: link) == "active")
                #expect(
                    try await tell(person, #"{"event":"transfer.completed","data":{"reference":"x"}}"#).status == .ok)
                let outcome = try await bed.look(
                    "select outcome from public.payment_events where kind = 'transfer.completed' limit 1")
                #expect(outcome == "about_nothing")
            }
        }

        @Test("a payment that is given back is refunded, and its unspent minutes with it")
        func refunded() async throws {
            try await withPerson { bed, person in
                let link = try await person.pay(on: bed)
                #expect(try await eventually { try await person.status(of: link) == "active" })
                try await bed.refund(bed.transaction(of: link))
                #expect(try await eventually { try await person.status(of: link) == "refunded" })
                #expect(try await person.usage().minutesQuota == TestBed.trialMinutes)
            }
        }

        @Test("a link that has expired is still good for whoever pays it late")
        func late() async throws {
            try await withPerson { bed, person in
                let link = try await person.link()
                let database = try await bed.superuser()
                try await database.execute(
                    """
                    update public.subscriptions set created_at = now() - interval '25 hours' where tx_ref = '\(link.txRef)'
                    """)
                await database.close()
                try await bed.work()
                #expect(try await person.status(of: link) == "expired")
                try await bed.checkout(link)
                #expect(try await eventually { try await person.status(of: link) == "active" })
            }
        }

        @Test("a payment costs and gives what it did when its link was made, whatever plans cost since")
        func pricesChanged() async throws {
            // The webhook is answered by a server with other prices.
            try await withPerson(["PRO_PLAN_AMOUNT": "12345"]) { bed, person in
                let link = try await person.pay(on: bed)
                #expect(try await eventually { try await person.status(of: link) == "active" })
                let paid = try await bed.look(
                    "select amount_minor from public.subscriptions where tx_ref = $1", [link.txRef])
                #expect(paid == "12345")
            }
        }

        @Test("paying twice for one plan, going up and going down each add what was bought")
        func again() async throws {
            try await withPerson { bed, person in
                for (plan, minutes) in [("basic", 500), ("basic", 1_000), ("pro", 6_000), ("basic", 6_500)] {
                    let link = try await person.pay(on: bed, plan: plan)
                    #expect(try await eventually { try await person.status(of: link) == "active" })
                    let usage = try await person.usage()
                    #expect(usage.minutesQuota == TestBed.trialMinutes + minutes)
                    #expect(usage.plan == plan)
                }
            }
        }

        @Test("the page behind the checkout shows our books, whatever the address says")
        func page() async throws {
            try await withPerson { bed, person in
                let link = try await person.link()
                func shown(_ query: String) async throws -> String {
                    try await person.sender.get("/payment?\(query)").text
                }
                let lie = "status=successful&tx_ref=\(link.txRef)&transaction_id=1"
                #expect(try await shown(lie).contains("<h1>Not paid yet</h1>"))
                try await bed.checkout(link)
                #expect(try await eventually { try await person.status(of: link) == "active" })
                #expect(try await shown("status=cancelled&tx_ref=\(link.txRef)").contains("<h1>Paid</h1>"))
                #expect(try await person.sender.get("/payment?tx_ref=nothing").status == .notFound)
                #expect(try await person.sender.get("/payment?tx_ref=%3Cscript%3E").status == .notFound)
                #expect(try await person.sender.get("/payment").status == .notFound)
            }
        }

        @Test("coming back from the checkout changes nothing, whatever the address says")
        func redirect() async throws {
            try await withPerson { _, person in
                let link = try await person.link()
                let lie = "/api/payment-status?txRef=\(link.txRef)&status=successful&transaction_id=1"
                #expect(try await person.get(lie).decode(Person.Payment.self).status == "pending")
            }
        }
    }
}
