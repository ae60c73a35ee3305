import EmulatorControl
import FoundationEssentials
import FunctionJSON

/// A payment link: what the merchant asked for.
struct Payment: Sendable {
    let token: String
    let request: PaymentRequest
    let customerID: Int
    let createdAt: Date
    /// Where the customer stands.
    var isPaid = false
}

/// One attempt to pay a link, with the id that verify knows it by.
struct Charge: Sendable {
    let id: Int
    let payment: Payment
    let card: TestCard
    let createdAt: Date
    /// `successful`, `failed` or `refunded`.
    var status: String

    /// What verify answers and a webhook carries. A fault of the verify kind changes it.
    func data(_ fault: Fault? = nil) -> JSONValue {
        let request = payment.request
        let fee = appFee
        let digits = card.number
        var data: JSONValue = [
            "id": JSONValue(id), "tx_ref": .string(request.reference), "flw_ref": "FLW-MOCK-\(String(id, radix: 16))",
            "device_fingerprint": "N/A", "amount": Self.number(request.amount), "currency": .string(request.currency),
            "charged_amount": Self.number(request.amount), "app_fee": Self.number(fee), "merchant_fee": 0,
            "processor_response": .string(card.response), "auth_model": "PIN", "ip": "127.0.0.1",
            "narration": "CARD Transaction ", "status": .string(status), "payment_type": "card",
            "created_at": Self.time(createdAt), "account_id": 17_321,
            "amount_settled": Self.number(request.amount - fee),
            "customer": [
                "id": JSONValue(payment.customerID), "name": JSONValue(request.name),
                "phone_number": JSONValue(request.phone),
                "email": .string(request.email), "created_at": Self.time(payment.createdAt),
            ],
            "card": [
                "first_6digits": .string(String(digits.prefix(6))), "last_4digits": .string(String(digits.suffix(4))),
                "issuer": "EMULATED BANK", "country": "NG",
                "type": .string(digits.hasPrefix("4") ? "VISA" : "MASTERCARD"),
                "expiry": "09/32",
            ],
        ]
        guard let fault else { return data }
        switch fault.kind {
        case .pending: data = data.with("status", "pending")
        case .wrongAmount: data = data.with("amount", fault.value ?? Self.number(request.amount / 2))
        case .wrongCurrency: data = data.with("currency", fault.value ?? (request.currency == "USD" ? "NGN" : "USD"))
        case .wrongReference: data = data.with("tx_ref", fault.value ?? "somebody-elses-reference")
        default: break
        }
        return data
    }

    /// The verify answer: as ``data(_:)``, with the merchant's `meta` inside.
    func verified(_ fault: Fault?) -> JSONValue { data(fault).with("meta", payment.request.meta ?? .null) }

    /// A webhook's body. `meta_data` stands beside `data` and only when the merchant ticked that box; the second type key
    /// has a dot in its name.
    func webhook(event: String, sendsMeta: Bool, _ fault: Fault?) -> JSONValue {
        let data = data(fault).with("amount_settled", nil)
        let body: JSONValue = ["event": .string(event), "data": data, "event.type": "CARD_TRANSACTION"]
        return sendsMeta ? body.with("meta_data", payment.request.meta ?? [:]) : body
    }

    /// 1.4 per cent, to the cent.
    private var appFee: Decimal {
        let cents = Int("\(payment.request.amount * 100)".prefix { $0 != "." }) ?? 0
        return Decimal((cents * 14 + 500) / 1_000) / 100
    }

    private static func number(_ amount: Decimal) -> JSONValue { .number("\(amount)") }

    private static func time(_ date: Date) -> JSONValue {
        .string(date.formatted(Date.ISO8601FormatStyle(includingFractionalSeconds: true)))
    }
}

/// Flutterwave's published test cards, by what happens to them.
struct TestCard: Sendable {
    let number: String
    let approved: Bool
    /// The `processor_response`.
    let response: String

    static let standard = TestCard(number: "5531886652142950", approved: true, response: approval)
    static let declined = TestCard(number: "5143010522339965", approved: false, response: "Declined by issuer")

    /// - Parameter number: digits, with or without spaces.
    /// - Returns: nil for a card that is not in the table.
    static func find(_ number: String) -> TestCard? {
        let digits = number.filter { !$0.isWhitespace && $0 != "-" }
        return all.first { $0.number == digits }
    }

    private static let approval = "Approved by Financial Institution"

    private static let all =
        ["5438898014560229", "4187427415564246", "4556052704172643", "5377283645077450"].map {
            TestCard(number: $0, approved: true, response: approval)
        } + [
            standard, declined,
            TestCard(number: "5590131743294314", approved: false, response: "Suspected fraud"),
            TestCard(number: "5258585922666506", approved: false, response: "Insufficient Funds"),
        ]
}
