import DevHost
import FunctionCore
import FunctionJSON
import HTTPTypes
import PostgresClient
import WebClient

/// Drill 3: many payments, and webhooks that cannot be relied upon.
enum PaymentStorm {
    /// What somebody does at the checkout.
    enum Fate: String, CaseIterable, Sendable {
        case paid, declined, abandoned, paidTooLittle, declinedThenPaid, paidTwice

        var isPaid: Bool { [.paid, .declinedThenPaid, .paidTwice].contains(self) }

        static func random(_ generator: inout SeededGenerator) -> Fate {
            switch Int.random(in: 0..<100, using: &generator) {
            case ..<60: .paid
            case ..<70: .declined
            case ..<80: .abandoned
            case ..<86: .paidTooLittle
            case ..<93: .declinedThenPaid
            default: .paidTwice
            }
        }
    }

    struct Payment: Sendable {
        let reference: String
        let fate: Fate
    }

    /// Requests under way at once.
    private static let width = 16

    static func run(_ place: Place, _ effort: Effort, seed: UInt64) async throws -> Outcome {
        place.say("3: \(effort.payments) payments")
        let start = ContinuousClock.now
        let world = try await World(place, "payments", servers: 2)
        var generator = SeededGenerator(seed)
        var faults: [String: Int] = [:]
        var workers = [try world.startWorker(), try world.startWorker()]

        let payments = try await open(effort.payments, in: world, &generator)
        var webhooks = charge(payments, in: world, &generator, &faults)
        webhooks.shuffle(using: &generator)

        let flapping = Task { [checkout = world.providers.checkout] in
            while !Task.isCancelled {
                checkout.setDown(true)
                try await Task.sleep(for: .milliseconds(700))
                checkout.setDown(false)
                try await Task.sleep(for: .milliseconds(900))
            }
        }
        try await inParallel(webhooks.prefix(webhooks.count / 2)) { try await send($0, to: world) }
        workers[0].kill()
        faults["workers killed", default: 0] += 1
        workers.append(try world.startWorker())
        try await inParallel(webhooks.dropFirst(webhooks.count / 2)) { try await send($0, to: world) }
        flapping.cancel()
        _ = await flapping.result
        world.providers.checkout.setDown(false)
        faults["verify calls refused"] = world.providers.checkout.refused

        // The time of the next look at each comes.
        try await world.execute(
            """
            update public.subscriptions set next_check_at = now() where next_check_at > now();
            update public.payment_events set next_attempt_at = now() where processed_at is null;
            notify callwaiting_worker;
            """)
        let violations = try await violations(of: payments, in: world)
        for worker in workers { await worker.stop() }
        try await world.end()
        return Outcome(
            drill: "3 payments", runs: payments.count, faults: faults, violations: violations,
            time: start.duration(to: .now))
    }

    private static func open(
        _ count: Int, in world: World, _ generator: inout SeededGenerator
    ) async throws -> [Payment] {
        var people: [World.Agent] = []
        for _ in 0..<max(1, count / 25) {
            people.append(try await world.agent(seconds: 3_600, key: [UInt8].random(count: 16).hex))
        }
        let fates = (0..<count).map { _ in Fate.random(&generator) }
        let payments = Shared<[Payment]>([])
        try await inParallel(Array(fates.enumerated())) { [people] index, fate in
            let request = WebRequest(
                method: .post, url: world.url(of: index % 2) + "/api/create-payment-link",
                fields: [
                    .contentType: "application/json", .authorization: "Bearer \(people[index % people.count].token)",
                ],
                body: Array(#"{"plan":"pro"}"#.utf8), deadline: .now + .seconds(30))
            let response = try await world.place.client.send(request)
            guard let reference = try JSONValue(parsing: response.body)["txRef"]?.text else {
                throw DrillError("no payment link: \(String(decoding: response.body, as: UTF8.self))")
            }
            payments.withLock { $0.append(Payment(reference: reference, fate: fate)) }
        }
        return payments.withLock { $0 }
    }

    /// What happens at the checkout, and the webhooks that come of it, in order.
    private static func charge(
        _ payments: [Payment], in world: World, _ generator: inout SeededGenerator, _ faults: inout [String: Int]
    ) -> [Webhook] {
        var webhooks: [Webhook] = []
        for payment in payments {
            for (status, amount) in attempts(payment.fate) {
                let transaction = world.providers.checkout.charge(payment.reference, status: status, amount: amount)
                if generator.chance(30) {
                    faults["webhooks lost", default: 0] += 1
                } else {
                    let copies = Int.random(in: 1...5, using: &generator)
                    faults["webhooks too many", default: 0] += copies - 1
                    for _ in 0..<copies {
                        webhooks.append(
                            Webhook(
                                id: transaction.id, reference: payment.reference, status: status,
                                delay: .milliseconds(Int.random(in: 0...200, using: &generator)), isSigned: true))
                    }
                }
            }
            // Somebody says that it was paid: without our secret, or with it, since that is sent in the clear.
            if generator.chance(40) {
                faults["webhooks forged", default: 0] += 1
                webhooks.append(
                    Webhook(
                        id: Int.random(in: 1...900_000, using: &generator), reference: payment.reference,
                        status: "successful", delay: .zero, isSigned: generator.chance(50)))
            }
        }
        return webhooks
    }

    private static func attempts(_ fate: Fate) -> [(status: String, amount: String)] {
        switch fate {
        case .paid: [("successful", "199.00")]
        case .declined: [("failed", "199")]
        case .abandoned: []
        case .paidTooLittle: [("successful", "198.99")]
        case .declinedThenPaid: [("failed", "199"), ("successful", "199.0")]
        case .paidTwice: [("successful", "199.00"), ("successful", "199.00")]
        }
    }

    struct Webhook: Sendable {
        let id: Int
        let reference: String
        let status: String
        let delay: Duration
        let isSigned: Bool
    }

    private static func send(_ webhook: Webhook, to world: World) async throws {
        try await Task.sleep(for: webhook.delay)
        let body = """
            {"event":"charge.completed","data":{"id":\(webhook.id),"tx_ref":"\(webhook.reference)",\
            "status":"\(webhook.status)","amount":199,"currency":"NGN"}}
            """
        let request = WebRequest(
            method: .post, url: world.url(of: webhook.id % 2) + "/api/flutterwave-webhook",
            fields: [
                .contentType: "application/json",
                HTTPField.Name("verif-hash")!: webhook.isSigned ? World.secretHash : "guessed",
            ], body: Array(body.utf8), deadline: .now + .seconds(20))
        // An answer other than 200 is Flutterwave's to care about, and as good as lost here.
        _ = try? await world.place.client.send(request)
    }

    private static func inParallel<Items: Collection<Item>, Item: Sendable>(
        _ items: Items, _ work: @escaping @Sendable (Item) async throws -> Void
    ) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            for (index, item) in items.enumerated() {
                if index >= width { try await group.next() }
                group.addTask { try await work(item) }
            }
            try await group.waitForAll()
        }
    }

    /// Waits until the paid ones are active, then looks at everything.
    private static func violations(of payments: [Payment], in world: World) async throws -> [String] {
        let paid = Set(payments.filter(\.fate.isPaid).map(\.reference))
        func references(_ condition: String) async throws -> Set<String> {
            let rows = try await world.query("select s.tx_ref from public.subscriptions as s where \(condition)")
            return Set(try rows.map { try $0.decode("tx_ref", as: String.self) })
        }
        let end = ContinuousClock.now + .seconds(120)
        while .now < end, try await references("s.status = 'active'").count < paid.count {
            try await Task.sleep(for: .milliseconds(200))
        }
        let active = try await references("s.status = 'active'")
        var violations: [String] = []
        violations += paid.subtracting(active).map { "\($0) was paid and is not active" }
        violations += active.subtracting(paid).map { "\($0) is active and was not paid" }
        let once = try await references(
            "(select count(*) from public.grants as g where g.subscription_id = s.id and g.minutes = s.minutes) = 1")
        violations += active.subtracting(once).map { "\($0) is active and was not granted once" }
        let granted = try await references(
            "exists (select from public.grants as g where g.subscription_id = s.id)")
        violations += granted.subtracting(paid).map { "\($0) was granted and not paid" }
        return violations + (try await world.disagreements())
    }
}
