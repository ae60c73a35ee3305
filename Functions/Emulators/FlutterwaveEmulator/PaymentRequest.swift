import EmulatorControl
import FoundationEssentials
import FunctionJSON

/// The body of POST /v3/payments, checked as Flutterwave checks it: the first thing wrong is the message.
struct PaymentRequest: Sendable {
    var reference: String
    /// Major units.
    var amount: Decimal
    var currency: String
    var redirectURL: String
    var email: String
    var name: String?
    var phone: String?
    var title: String?
    var meta: JSONValue?

    /// Major units; far above any payment, and small enough for exact sums.
    static let maximumAmount = Decimal(1_000_000_000_000)

    init(body: [UInt8]) throws {
        guard let json = try? JSONValue(parsing: body), json.members != nil else {
            throw FlutterwaveError(.badRequest, "Invalid request body")
        }
        reference = try Self.required(json["tx_ref"], "tx_ref")
        amount = try Self.amount(json["amount"])
        currency = json["currency"]?.text ?? "NGN"
        guard currency.utf8.count == 3, currency.utf8.allSatisfy({ (65...90).contains($0) }) else {
            throw FlutterwaveError(.badRequest, "currency is invalid")
        }
        redirectURL = try Self.required(json["redirect_url"], "redirect_url")
        guard redirectURL.hasPrefix("http://") || redirectURL.hasPrefix("https://"),
            redirectURL.utf8.allSatisfy({ (0x21...0x7E).contains($0) })
        else { throw FlutterwaveError(.badRequest, "redirect_url must be a valid URL") }
        guard let customer = json["customer"], customer.members != nil else {
            throw FlutterwaveError(.badRequest, "customer is required")
        }
        email = try Self.required(customer["email"], "customer.email")
        guard email.split(separator: "@").count == 2 else {
            throw FlutterwaveError(.badRequest, "customer.email must be a valid email")
        }
        name = customer["name"]?.text
        phone = customer["phonenumber"]?.text
        title = json["customizations"]?["title"]?.text
        meta = json["meta"]
        if let meta, !meta.isNull, meta.members == nil { throw FlutterwaveError(.badRequest, "meta must be an object") }
    }

    private static func required(_ value: JSONValue?, _ name: String) throws -> String {
        guard let text = value?.text, !text.isEmpty else { throw FlutterwaveError(.badRequest, "\(name) is required") }
        return text
    }

    /// A number, or a string that holds one.
    private static func amount(_ value: JSONValue?) throws -> Decimal {
        let text: String
        switch value {
        case nil, .some(.null): throw FlutterwaveError(.badRequest, "amount is required")
        case .number(let digits), .string(let digits): text = digits
        default: throw FlutterwaveError(.badRequest, "amount must be a number")
        }
        guard case .number? = try? JSONValue(parsing: Array(text.utf8)), let amount = Decimal(string: text), amount > 0,
            amount < maximumAmount
        else {
            throw FlutterwaveError(.badRequest, "amount must be a positive number")
        }
        return amount
    }
}
