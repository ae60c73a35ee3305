import Crypto
import EmulatorControl
import FoundationEssentials
import FunctionCore
import FunctionJSON
import FunctionTesting
import HTTPTypes
import Testing
import WebClient

@Suite struct WebhookTests {
    private static let verifHash = HTTPField.Name("verif-hash")!
    private static let signature = HTTPField.Name("flutterwave-signature")!

    /// An emulation whose webhooks reach `merchant`, with retries five milliseconds apart.
    private func with(_ merchant: Merchant, _ body: (Emulation) async throws -> Void) async throws {
        let web = WebClient(logger: quiet)
        try await withServer(Application.test(merchant)) { url in
            let emulation = Emulation(webhookURL: url + "/hook", web: web)
            _ = try await emulation.call("/_control/flutterwave/settings", ["retryMilliseconds": 5])
            try await body(emulation)
        }
        await web.shutdown()
    }

    /// The tries so far: what each was answered.
    private func deliveries(_ emulation: Emulation) async throws -> [Int?] {
        try await emulation.get("/_control/flutterwave/webhooks").json.elements?.map { $0["status"]?.integer } ?? []
    }

    @Test func `a payment is told to the merchant, with the secret hash`() async throws {
        let merchant = Merchant()
        try await with(merchant) { emulation in
            let id = try await emulation.checkout("pay").transactionID
            #expect(try await eventually { merchant.received.count == 1 })
            let request = try #require(merchant.received.first)
            let json = try JSONValue(parsing: request.body)
            #expect(request.fields[Self.verifHash] == Emulation.secretHash && request.fields[Self.signature] == nil)
            #expect(json["event"] == "charge.completed" && json["event.type"] == "CARD_TRANSACTION")
            #expect(json["meta_data"] == ["workspace": "w1"] && json.at("data.meta") == .null)
            #expect(json.at("data.id") == id.map(JSONValue.number) && json.at("data.amount") == .number("2900.5"))
            #expect(json.at("data.status") == "successful" && json.at("data.tx_ref") == "ref-1")
        }
    }

    @Test func `a failed payment is told as charge completed with status failed`() async throws {
        let merchant = Merchant()
        try await with(merchant) { emulation in
            _ = try await emulation.checkout("decline")
            #expect(try await eventually { merchant.received.count == 1 })
            let json = try JSONValue(parsing: try #require(merchant.received.first).body)
            #expect(json["event"] == "charge.completed" && json.at("data.status") == "failed")
        }
    }

    @Test func `the other signature is an HMAC over the body's bytes`() async throws {
        let merchant = Merchant()
        try await with(merchant) { emulation in
            _ = try await emulation.call("/_control/flutterwave/settings", ["signature": "flutterwave-signature"])
            _ = try await emulation.checkout("pay")
            #expect(try await eventually { merchant.received.count == 1 })
            let request = try #require(merchant.received.first)
            let code = HMAC<SHA256>.authenticationCode(
                for: request.body, using: SymmetricKey(data: Array(Emulation.secretHash.utf8)))
            #expect(request.fields[Self.signature] == Data(code).base64EncodedString())
            #expect(request.fields[Self.verifHash] == nil)
        }
    }

    @Test func `only 200 acknowledges, and after three more tries it is given up`() async throws {
        let merchant = Merchant(answers: [.internalServerError, .noContent, .found, .accepted, .ok])
        try await with(merchant) { emulation in
            _ = try await emulation.checkout("pay")
            #expect(try await eventually { try await deliveries(emulation).count == 4 })
            #expect(try await deliveries(emulation) == [500, 204, 302, 202])
            #expect(Set(merchant.received.map(\.body)).count == 1)
        }
    }

    @Test func `a retry that is answered 200 is the last`() async throws {
        let merchant = Merchant(answers: [.serviceUnavailable])
        try await with(merchant) { emulation in
            let id = try await emulation.checkout("pay").transactionID ?? ""
            #expect(try await eventually { try await deliveries(emulation).count == 2 })
            // Sent after that, so a third try of the first would stand before it.
            _ = try await emulation.call("/v3/transactions/\(id)/resend-hook", [:])
            #expect(try await eventually { try await deliveries(emulation).count == 3 })
            let attempts = try await emulation.get("/_control/flutterwave/webhooks").json.elements?.map {
                $0["attempt"]
            }
            #expect(attempts == [1, 2, 1])
        }
    }

    @Test func `a webhook that reaches nobody is tried four times`() async throws {
        let web = WebClient(logger: quiet)
        let emulation = Emulation(webhookURL: "http://127.0.0.1:1/", web: web)
        _ = try await emulation.call("/_control/flutterwave/settings", ["retryMilliseconds": 1])
        _ = try await emulation.checkout("pay")
        #expect(try await eventually { try await deliveries(emulation).count == 4 })
        #expect(try await deliveries(emulation) == [nil, nil, nil, nil])
        await web.shutdown()
    }

    @Test func `a duplicate comes twice with the same bytes`() async throws {
        let merchant = Merchant()
        try await with(merchant) { emulation in
            try await emulation.fault(.flutterwave, ["fault": "duplicate_webhook"])
            _ = try await emulation.checkout("pay")
            #expect(try await eventually { merchant.received.count == 2 })
            #expect(Set(merchant.received.map(\.body)).count == 1)
        }
    }

    @Test func `a lost webhook never comes, and can be sent again`() async throws {
        let merchant = Merchant()
        try await with(merchant) { emulation in
            try await emulation.fault(.flutterwave, ["fault": "lost_webhook"])
            let id = try await emulation.checkout("pay").transactionID ?? ""
            let hook = try await emulation.call("/v3/transactions/\(id)/resend-hook", [:])
            #expect(try hook.json["status"] == "success")
            #expect(try await eventually { try await deliveries(emulation).count == 1 })
            #expect(merchant.received.count == 1)
        }
    }

    @Test func `a delayed webhook comes later than the redirect`() async throws {
        let merchant = Merchant()
        try await with(merchant) { emulation in
            try await emulation.fault(.flutterwave, ["fault": "delayed_webhook", "milliseconds": 300])
            let start = ContinuousClock.now
            _ = try await emulation.checkout("pay")
            #expect(try await eventually { merchant.received.count == 1 })
            #expect(start.duration(to: .now) >= .milliseconds(300))
        }
    }

    @Test(arguments: ["forged_webhook", "unsigned_webhook"])
    func `a webhook can come without the right signature`(fault: String) async throws {
        let merchant = Merchant()
        try await with(merchant) { emulation in
            try await emulation.fault(.flutterwave, ["fault": .string(fault)])
            _ = try await emulation.checkout("pay")
            #expect(try await eventually { merchant.received.count == 1 })
            let hash = merchant.received.first?.fields[Self.verifHash]
            #expect(hash != Emulation.secretHash && (hash == nil) == (fault == "unsigned_webhook"))
        }
    }

    @Test func `a webhook can lie about the amount while verify tells the truth`() async throws {
        let merchant = Merchant()
        try await with(merchant) { emulation in
            try await emulation.fault(.flutterwave, ["fault": "wrong_amount", "on": "webhook", "value": 99_999])
            _ = try await emulation.checkout("pay")
            #expect(try await eventually { merchant.received.count == 1 })
            let json = try JSONValue(parsing: try #require(merchant.received.first).body)
            #expect(json.at("data.amount") == 99_999)
            let fields: HTTPFields = [.authorization: "Bearer \(Emulation.key)"]
            let verified = try await emulation.get("/v3/transactions/verify_by_reference?tx_ref=ref-1", fields: fields)
            #expect(try verified.json.at("data.amount") == .number("2900.5"))
        }
    }
}
