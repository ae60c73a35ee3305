import EmulatorControl
import FunctionCore
import FunctionJSON
import FunctionTesting
import HTTPTypes
import Testing

@Suite struct FlutterwaveTests {
    private let emulation = Emulation()

    static let order: [String: JSONValue] = [
        "tx_ref": "ref-1", "amount": .number("2900.50"), "currency": "NGN",
        "redirect_url": "https://app.example/paid?from=us", "customer": ["email": "ada@example.com", "name": "Ada"],
        "meta": ["workspace": "w1"],
    ]

    private func verify(_ id: String, key: String = Emulation.key) async throws -> TestResponse {
        try await emulation.get("/v3/transactions/\(id)/verify", fields: [.authorization: "Bearer \(key)"])
    }

    private func verify(reference: String) async throws -> TestResponse {
        try await emulation.get(
            "/v3/transactions/verify_by_reference?tx_ref=\(reference)",
            fields: [.authorization: "Bearer \(Emulation.key)"])
    }

    @Test func `a payment is a link in the envelope, and no transaction yet`() async throws {
        let response = try await emulation.call("/v3/payments", .object(Self.order))
        #expect(response.status == .ok)
        #expect(try response.json.at("status") == "success" && response.json.at("message") == "Hosted Link")
        #expect(try response.json.at("data").members?.keys.map { $0 } == ["link"])
        let unpaid = try await verify(reference: "ref-1")
        #expect(unpaid.status == .badRequest)
        #expect(
            try unpaid.json == ["status": "error", "message": "No transaction was found for this id", "data": nil])
    }

    @Test func `the checkout page is a labelled form without scripts`() async throws {
        let page = try await emulation.get(try await emulation.checkout())
        #expect(page.status == .ok && page.fields[.contentType] == "text/html; charset=utf-8")
        for part in [
            "<html lang=\"en\">", "<label for=\"card\">", "NGN 2900.50", "value=\"decline\"", "ada@example.com",
        ] {
            #expect(page.text.contains(part), "\(part)")
        }
        #expect(!page.text.contains("<script"))
    }

    @Test func `what the merchant sent is escaped on the page`() async throws {
        var order = Self.order
        order["customizations"] = ["title": "<script>alert('1')</script>"]
        let page = try await emulation.get(try await emulation.checkout(order))
        #expect(!page.text.contains("<script"))
        #expect(page.text.contains("&lt;script&gt;alert(&#39;1&#39;)"))
    }

    @Test func `paying leads back with status, reference and id, and verify knows both`() async throws {
        let paid = try await emulation.checkout("pay")
        let id = try #require(paid.transactionID)
        #expect(paid.status == .seeOther)
        #expect(
            paid.location.hasPrefix("https://app.example/paid?from=us&status=successful&tx_ref=ref-1&transaction_id="))
        for response in [try await verify(id), try await verify(reference: "ref-1")] {
            let json = try response.json
            #expect(response.status == .ok && json["status"] == "success")
            #expect(json.at("data.id") == .number(id) && json.at("data.tx_ref") == "ref-1")
            #expect(json.at("data.status") == "successful" && json.at("data.currency") == "NGN")
            #expect(json.at("data.amount") == .number("2900.5") && json.at("data.app_fee") == .number("40.61"))
            #expect(json.at("data.meta.workspace") == "w1" && json.at("data.card.last_4digits") == "2950")
            #expect(json.at("data.customer.email") == "ada@example.com")
            #expect(json.at("data.created_at").text?.hasSuffix("Z") == true)
        }
    }

    @Test func `a declined payment verifies in a successful envelope, as failed`() async throws {
        let declined = try await emulation.checkout("decline")
        #expect(declined.location.contains("status=failed&tx_ref=ref-1&transaction_id="))
        let json = try await verify(try #require(declined.transactionID)).json
        #expect(json["status"] == "success" && json.at("data.status") == "failed")
    }

    @Test func `an abandoned payment has no transaction`() async throws {
        let left = try await emulation.checkout("abandon")
        #expect(left.location == "https://app.example/paid?from=us&status=cancelled&tx_ref=ref-1")
        #expect(try await verify(reference: "ref-1").status == .badRequest)
    }

    @Test(arguments: [
        ("5531 8866 5214 2950", "successful"), ("4187427415564246", "successful"), ("5143010522339965", "failed"),
        ("5590131743294314", "failed"), ("5258585922666506", "failed"), ("", "successful"),
    ])
    func `test cards do what they are for`(card: String, status: String) async throws {
        let response = try await emulation.checkout("pay", card: card)
        #expect(response.location.contains("status=\(status)&"), "\(response.location)")
    }

    @Test func `a card that is no test card, or no button, shows the page again`() async throws {
        let response = try await emulation.checkout("pay", card: "4111111111111111")
        #expect(response.status == .unprocessableContent && response.text.contains("role=\"alert\""))
        #expect(try await emulation.checkout("dance").status == .unprocessableContent)
    }

    @Test func `a link is paid once, and can be paid after a failure`() async throws {
        let page = try await emulation.checkout()
        let form = Array("action=decline".utf8)
        #expect(try await emulation.send(TestRequest(.post, page, body: form)).status == .seeOther)
        #expect(try await emulation.send(TestRequest(.post, page, body: Array("action=pay".utf8))).status == .seeOther)
        #expect(try await emulation.send(TestRequest(.post, page, body: Array("action=pay".utf8))).status == .conflict)
        #expect(try await verify(reference: "ref-1").json.at("data.status") == "successful")
        #expect(try await emulation.get(page).text.contains("has been paid"))
        #expect(try await emulation.get("/v3/hosted/pay/unknown").status == .notFound)
    }

    static let invalid: [(String, JSONValue?)] = [
        ("tx_ref", nil), ("tx_ref", ""), ("amount", nil), ("amount", "many"), ("amount", 0), ("amount", .number("-1")),
        ("amount", "1e99"), ("currency", "naira"), ("redirect_url", nil), ("redirect_url", "javascript:alert(1)"),
        ("customer", nil), ("customer", ["name": "Ada"]), ("meta", "text"),
    ]

    @Test(arguments: invalid)
    func `a wrong order is 400 in the envelope, naming the field`(field: String, value: JSONValue?) async throws {
        var order = Self.order
        order[field] = value
        let response = try await emulation.call("/v3/payments", .object(order))
        #expect(response.status == .badRequest)
        #expect(try response.json["status"] == "error" && response.json["data"] == .null)
        #expect(try response.json["message"]?.text?.hasPrefix(field) == true, "\(response.text)")
    }

    @Test func `an amount may be a string`() async throws {
        var order = Self.order
        order["amount"] = "29.00"
        let id = try #require(try await emulation.checkout("pay", order: order).transactionID)
        #expect(try await verify(id).json.at("data.amount") == 29)
    }

    @Test func `a missing or wrong key is 401`() async throws {
        #expect(try await emulation.call("/v3/payments", .object(Self.order), key: nil).status == .unauthorized)
        let response = try await verify("1", key: "wrong")
        #expect(response.status == .unauthorized)
        #expect(try response.json["message"] == "Invalid authorization key")
    }

    @Test(
        arguments: [
            (["fault": "wrong_amount", "value": 1], "amount", 1),
            (["fault": "wrong_currency", "value": "USD"], "currency", "USD"),
            (["fault": "wrong_tx_ref", "value": "theirs"], "tx_ref", "theirs"),
            (["fault": "pending"], "status", "pending"),
        ] as [(JSONValue, String, JSONValue)])
    func `verify can be told to lie`(fault: JSONValue, field: String, value: JSONValue) async throws {
        let id = try #require(try await emulation.checkout("pay").transactionID)
        try await emulation.fault(.flutterwave, fault)
        #expect(try await verify(id).json.at("data.\(field)") == value)
        #expect(try await verify(id).json.at("data.\(field)") != value)
    }

    @Test func `verify can be down while payments work`() async throws {
        try await emulation.fault(.flutterwave, ["fault": "verify_down"])
        #expect(try await emulation.call("/v3/payments", .object(Self.order)).status == .ok)
        #expect(try await verify("1").status == .serviceUnavailable)
        #expect(try await verify("1").status == .badRequest)
    }

    @Test func `a refund changes what verify says, once`() async throws {
        let id = try #require(try await emulation.checkout("pay").transactionID)
        let refund = "/_control/flutterwave/transactions/\(id)/refund"
        #expect(try await emulation.call(refund, [:]).status == .ok)
        #expect(try await verify(id).json.at("data.status") == "refunded")
        #expect(try await emulation.call(refund, [:]).status == .notFound)
        #expect(try await emulation.get("/_control/flutterwave/transactions").json.elements?.count == 1)
    }
}

extension RequestSender {
    /// Orders, and returns the path of the checkout page.
    func checkout(_ order: [String: JSONValue] = FlutterwaveTests.order) async throws -> String {
        let link = try await call("/v3/payments", .object(order)).json.at("data.link").text ?? ""
        let path = try #require(link.range(of: "/v3/hosted"))
        return String(link[path.lowerBound...])
    }

    /// Orders, and presses a button of the checkout page.
    func checkout(
        _ action: String, card: String? = nil, order: [String: JSONValue] = FlutterwaveTests.order
    ) async throws -> TestResponse {
        let form = "action=\(action)" + (card.map { "&card=\(PercentEncoding.encode($0))" } ?? "")
        return try await send(
            TestRequest(
                .post, try await checkout(order), fields: [.contentType: "application/x-www-form-urlencoded"],
                body: Array(form.utf8)))
    }
}

extension TestResponse {
    var location: String { fields[.location] ?? "" }

    /// Of a redirect back to the merchant.
    var transactionID: String? {
        guard let range = location.range(of: "transaction_id=") else { return nil }
        return String(location[range.upperBound...])
    }
}

extension String {
    /// The first occurrence of `text`.
    func range(of text: String) -> Range<Index>? {
        indices.first { self[$0...].hasPrefix(text) }.map { $0..<index($0, offsetBy: text.count) }
    }
}
