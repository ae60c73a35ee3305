import FunctionCore
import FunctionTesting
import HTTPTypes
import PostgresClient
import Testing
import WebClient

extension Person {
    /// Asks for a payment link and does something at the emulated checkout.
    func pay(on bed: TestBed, plan: String = "pro", action: String = "pay") async throws -> PaymentLink {
        let link = try await self.link(plan: plan)
        try await bed.checkout(link, action: action)
        return link
    }

    func link(plan: String = "pro") async throws -> PaymentLink {
        try await post("/api/create-payment-link", json: #"{"plan":"\#(plan)"}"#).decode(PaymentLink.self)
    }

    /// What our own books say of a payment.
    func status(of link: PaymentLink) async throws -> String {
        try await get("/api/payment-status?txRef=\(link.txRef)").decode(Payment.self).status
    }
}

extension TestBed {
    func checkout(_ link: Person.PaymentLink, action: String = "pay") async throws {
        _ = try await client.send(
            WebRequest(
                method: .post, url: link.paymentLink, fields: [.contentType: "application/x-www-form-urlencoded"],
                body: Array("action=\(action)".utf8), deadline: .now + .seconds(10)))
    }

    /// Flutterwave's number of the transaction that was made for a link.
    func transaction(of link: Person.PaymentLink) async throws -> Int {
        let response = try await client.send(
            WebRequest(
                method: .get, url: emulatorURL + "/_control/flutterwave/transactions", deadline: .now + .seconds(10)))
        let all = try TestResponse(status: response.status, fields: response.fields, body: response.body).json
        for index in 0... {
            guard let transaction = all[index] else { break }
            if transaction["tx_ref"]?.text == link.txRef { return try #require(transaction["id"]?.integer) }
        }
        throw Failure("no transaction of \(link.txRef)")
    }

    /// Gives the money of a transaction back.
    func refund(_ transaction: Int) async throws {
        _ = try await client.send(
            WebRequest(
                method: .post, url: emulatorURL + "/_control/flutterwave/transactions/\(transaction)/refund",
                body: [], deadline: .now + .seconds(10)))
    }

    private var emulatorURL: String { String(settings["FLUTTERWAVE_BASE_URL"]!.dropLast("/v3".count)) }

    /// Lets the worker look at everything now that it would look at later.
    func work() async throws {
        let database = try await superuser()
        try await database.execute("update public.subscriptions set next_check_at = now() where next_check_at > now()")
        try await database.execute(
            "update public.payment_events set next_attempt_at = now() where processed_at is null")
        await database.close()
        let run = try await run("callwaiting", ["worker", "--once"])
        try #require(run.status.isSuccess, "\(run.output)")
    }

    /// The one value, as text, of a query by the cluster's superuser.
    func look(_ sql: String, _ parameters: [(any PostgresBindable)?] = []) async throws -> String {
        let database = try await superuser()
        let rows = try await database.query(Statement(sql, parameters))
        await database.close()
        return try rows.one().decodeIfPresent(rows.columns[0], as: String.self) ?? ""
    }
}
