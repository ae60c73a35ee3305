import FunctionJSON
import HTTPTypes
import Plans
import Testing
import WebClient

@testable import Providers

@Suite struct FlutterwaveTests {
    static let reference = TransactionReference.random()

    static func payment(_ units: Int = 2_900) -> Flutterwave.Payment {
        Flutterwave.Payment(
            reference: reference, amount: Money(minorUnits: units, currency: .naira),
            redirectURL: "https://app.test/billing", email: "ada@example.com", name: "Ada", title: "basic plan")
    }

    static func linkBody(_ link: String) -> String {
        #"{"status":"success","message":"Hosted Link","data":{"link":"\#(link)"}}"#
    }

    static func create(_ transport: FakeTransport) async throws -> String {
        try await transport.flutterwave().createPayment(payment(), deadline: .now + .seconds(30))
    }

    @Test("a payment is asked for in major units, exact to the last decimal")
    func request() async throws {
        let transport = FakeTransport(.response(200, Self.linkBody("https://checkout.test/v3/hosted/pay/abc")))
        #expect(try await Self.create(transport) == "https://checkout.test/v3/hosted/pay/abc")
        let sent = try #require(transport.requests.first)
        #expect(sent.method == .post && sent.url == "http://pay.test/v3/payments")
        #expect(sent.fields[.authorization] == "Bearer \(FakeTransport.secret)")
        let text = String(decoding: try #require(sent.body), as: UTF8.self)
        #expect(text.contains(#""amount":29.00,"currency":"NGN""#))
        #expect(transport.lastBody?["tx_ref"] == .string(Self.reference.rawValue))
        #expect(
            transport.lastBody?["customer"] == .object(["email": .string("ada@example.com"), "name": .string("Ada")]))
    }

    @Test(
        "a link that is no plain http or https URL is not handed on",
        arguments: [
            "", "javascript:alert(1)", "/pay", "https://", "https://user@host/", "ftp://x/", "https://x/\\u0000",
            "https://x/ y", "data:text/html,x",
        ])
    func badLinks(_ link: String) async throws {
        let error = try await providerError {
            _ = try await Self.create(FakeTransport(.response(200, Self.linkBody(link))))
        }
        #expect(error?.kind == .garbage)
    }

    @Test(
        "failures to make a link are sorted",
        arguments: [
            (
                400, #"{"status":"error","message":"customer email is required","data":null}"#,
                ProviderError.Kind.rejected, true
            ),
            (401, #"{"status":"error","message":"Invalid authorization key","data":null}"#, .misconfigured, true),
            (403, "", .misconfigured, true), (500, "", .unavailable, false), (502, "<html>", .unavailable, false),
            (200, #"{"status":"error","message":"m","data":null}"#, .garbage, false), (200, "", .garbage, false),
            (200, #"{"status":"success","data":[]}"#, .garbage, false),
        ])
    func failures(_ status: Int, _ body: String, _ kind: ProviderError.Kind, _ isRefusal: Bool) async throws {
        let error = try await providerError { _ = try await Self.create(FakeTransport(.response(status, body))) }
        #expect(error?.kind == kind)
        #expect(error?.isRefusal == isRefusal)
    }

    static func transaction(
        id: String = "285959875", amount: String = "29", currency: String = "NGN", status: String = "successful",
        reference: String = reference.rawValue
    ) -> String {
        #"{"status":"success","message":"Transaction fetched successfully","data":{"id":\#(id),"tx_ref":"\#(reference)","#
            + #""flw_ref":"FLW-1","amount":\#(amount),"currency":"\#(currency)","charged_amount":31.4,"status":"\#(status)"}}"#
    }

    @Test(
        "a verified amount is exact, as a number or as a string",
        arguments: [("29", 2_900), ("29.5", 2_950), (#""29.50""#, 2_950), ("2.9e1", 2_900), ("0.1", 10)])
    func amounts(_ text: String, _ units: Int) async throws {
        let transport = FakeTransport(.response(200, Self.transaction(amount: text)))
        let found = try await transport.flutterwave().verify(transactionID: 285_959_875, deadline: .now + .seconds(30))
        #expect(
            found
                == FlutterwaveTransaction(
                    id: 285_959_875, reference: Self.reference.rawValue, flutterwaveReference: "FLW-1",
                    status: "successful", amount: Money(minorUnits: units, currency: .naira)))
        #expect(transport.requests.first?.url == "http://pay.test/v3/transactions/285959875/verify")
    }

    @Test(
        "the status is the payment's and not the look-up's",
        arguments: ["failed", "pending", "success-pending-validation"])
    func statuses(_ status: String) async throws {
        let transport = FakeTransport(.response(200, Self.transaction(status: status)))
        let found = try await transport.flutterwave().verify(
            reference: Self.reference.rawValue, deadline: .now + .seconds(30))
        #expect(found?.status == status)
        #expect(
            transport.requests.first?.url
                == "http://pay.test/v3/transactions/verify_by_reference?tx_ref=\(Self.reference)")
    }

    @Test("a transaction that is not found is not an error", arguments: [400, 404])
    func notFound(_ status: Int) async throws {
        let body = #"{"status":"error","message":"No transaction was found for this id","data":null}"#
        let flutterwave = FakeTransport(.response(status, body)).flutterwave()
        #expect(try await flutterwave.verify(transactionID: 1, deadline: .now + .seconds(30)) == nil)
        #expect(try await flutterwave.verify(reference: "a b", deadline: .now + .seconds(30)) == nil)
    }

    @Test(
        "an answer to another question, or one that cannot be read, is garbage",
        arguments: [
            transaction(id: "7"), transaction(id: #""285959875""#), transaction(amount: "0.001"),
            transaction(amount: "null"),
            transaction(currency: "???"), #"{"status":"success","data":null}"#, "{}", "",
        ])
    func garbage(_ body: String) async throws {
        let error = try await providerError {
            _ = try await FakeTransport(.response(200, body)).flutterwave()
                .verify(transactionID: 285_959_875, deadline: .now + .seconds(30))
        }
        #expect(error?.kind == .garbage)
    }

    @Test("a reference is verified against the answer's own")
    func otherReference() async throws {
        let error = try await providerError {
            _ = try await FakeTransport(.response(200, Self.transaction(reference: "other"))).flutterwave()
                .verify(reference: Self.reference.rawValue, deadline: .now + .seconds(30))
        }
        #expect(error?.kind == .garbage)
    }

    @Test("silence is neither a refusal nor a missing transaction")
    func silence() async throws {
        let transport = FakeTransport(.error(.timeout))
        let error = try await providerError {
            _ = try await transport.flutterwave().verify(transactionID: 1, deadline: .now + .seconds(30))
        }
        #expect(error?.kind == .timedOut && error?.isRefusal == false && error?.isTemporary == true)
        #expect(transport.requests.count == 3)
    }

    @Test("what Flutterwave says is for the log, without the key and without line breaks")
    func message() async throws {
        let body = #"{"status":"error","message":"bad key \#(FakeTransport.secret)\nx","data":null}"#
        let error = try #require(
            try await providerError { _ = try await Self.create(FakeTransport(.response(401, body))) })
        #expect(error.description == "Flutterwave misconfigured: 401")
        #expect(error.debugDescription == "Flutterwave misconfigured: 401: bad key <redacted>x")
    }
}
