import Crypto
import FoundationEssentials
import FunctionCore
import HTTPTypes
import Testing

@testable import Providers

@Suite struct WebhookTests {
    static let text = "a long secret hash, chosen by us"
    static let body = Array(#"{"event":"charge.completed","data":{"id":1,"status":"successful","tx_ref":"a"}}"#.utf8)

    static func signature(_ secret: String = text, _ body: [UInt8] = body) -> String {
        Data(HMAC<SHA256>.authenticationCode(for: body, using: SymmetricKey(data: Array(secret.utf8))))
            .base64EncodedString()
    }

    static func verifies(hash: String? = nil, signature: String? = nil, body: [UInt8] = body) throws -> Bool {
        var fields = RequestFields([:])
        fields[.verifHash] = hash
        fields[.flutterwaveSignature] = signature
        return try #require(WebhookSecret(text)).verifies(fields, body: body)
    }

    @Test("the secret itself is accepted, and nothing like it")
    func hash() throws {
        #expect(try Self.verifies(hash: Self.text))
        for wrong in ["", "a", Self.text + "x", String(Self.text.dropLast()), Self.text.uppercased(), Self.signature()]
        {
            #expect(try !Self.verifies(hash: wrong), "\(wrong)")
        }
    }

    @Test("a signature of these very bytes is accepted, and nothing like it")
    func signature() throws {
        #expect(try Self.verifies(signature: Self.signature()))
        let wrong = [
            "", "====", Self.text, String(Self.signature().dropLast(4)), Self.signature("another secret"),
            Self.signature().lowercased(),
        ]
        for wrong in wrong { #expect(try !Self.verifies(signature: wrong), "\(wrong)") }
    }

    @Test("a signature does not fit an altered body")
    func altered() throws {
        #expect(try !Self.verifies(signature: Self.signature(), body: Self.body + [0x20]))
        #expect(try !Self.verifies(signature: Self.signature(), body: Self.body.dropLast()))
        #expect(try !Self.verifies(signature: Self.signature(), body: []))
    }

    @Test("without either field nothing is accepted, and with both both must be right")
    func both() throws {
        #expect(try !Self.verifies())
        #expect(try Self.verifies(hash: Self.text, signature: Self.signature()))
        #expect(try !Self.verifies(hash: "wrong", signature: Self.signature()))
        #expect(try !Self.verifies(hash: Self.text, signature: Self.signature("wrong")))
    }

    @Test("an empty secret is none, and none is ever printed")
    func secrets() throws {
        #expect(WebhookSecret("") == nil)
        #expect("\(try #require(WebhookSecret(Self.text)))" == "<redacted>")
    }

    struct Row: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let kind: String
        let id: Int?
        let reference: String?
        let status: String?

        init(_ body: String, _ kind: String, _ id: Int?, _ reference: String?, _ status: String?) {
            (testDescription, self.kind, self.id, self.reference, self.status) = (body, kind, id, reference, status)
        }
    }

    @Test(
        "an event names its kind, transaction, reference and status where it has them",
        arguments: [
            Row(
                #"{"event":"charge.completed","data":{"id":285959875,"tx_ref":"cw-1","status":"successful","amount":100},"meta_data":{},"event.type":"CARD_TRANSACTION"}"#,
                "charge.completed", 285_959_875, "cw-1", "successful"),
            Row(
                #"{"id":7,"txRef":"cw-2","flwRef":"F","status":"successful","event.type":"CARD_TRANSACTION"}"#,
                "CARD_TRANSACTION", 7, "cw-2", "successful"),
            Row(#"{"event":"charge.completed","data":{"id":"8","txRef":"cw-3"}}"#, "charge.completed", 8, "cw-3", nil),
            Row(
                #"{"event":"subscription.cancelled","data":{"id":9,"status":"deactivated","customer":{}}}"#,
                "subscription.cancelled", 9, nil, "deactivated"),
            Row(#"{"event":"x","status":"success","data":{"id":null,"tx_ref":"a\u0001b"}}"#, "x", nil, nil, nil),
            Row(#"{"event":7,"data":[1],"id":1.5}"#, "unknown", nil, nil, nil), Row("{}", "unknown", nil, nil, nil),
        ])
    func events(_ row: Row) throws {
        let event = try #require(WebhookEvent(Array(row.testDescription.utf8)))
        #expect(event.kind == row.kind && event.transactionID == row.id)
        #expect(event.reference == row.reference && event.status == row.status)
    }

    @Test(
        "a body that is no JSON object is no event",
        arguments: ["", "[]", "null", "{", "<x>", #""a""#])
    func notEvents(_ body: String) { #expect(WebhookEvent(Array(body.utf8)) == nil) }
}
