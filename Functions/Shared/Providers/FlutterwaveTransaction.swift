import FunctionJSON
import Plans
import WebClient

/// What Flutterwave's verify endpoint says of one attempt to pay. Only this is believed.
public struct FlutterwaveTransaction: Sendable, Hashable {
    /// Flutterwave's own id; a webhook names it.
    public let id: Int
    /// Our `tx_ref`.
    public let reference: String
    public let flutterwaveReference: String?
    /// `successful`, `failed`, `pending`, and others now and then. Of the payment: the look-up has a status of its own.
    public let status: String
    /// What was to be paid. What the customer was charged may be more, by the fees.
    public let amount: Money

    public init(id: Int, reference: String, flutterwaveReference: String?, status: String, amount: Money) {
        self.id = id
        self.reference = reference
        self.flutterwaveReference = flutterwaveReference
        self.status = status
        self.amount = amount
    }

    /// - Returns: nil when a member is missing, or the amount is none of its currency.
    init?(_ data: JSONValue) {
        guard let id = data["id"]?.integer, let reference = data["tx_ref"]?.text,
            let status = data["status"]?.text,
            let currency = data["currency"]?.text.flatMap(Currency.init),
            let text = data["amount"]?.number ?? data["amount"]?.text,
            let amount = try? Money(majorUnits: text, currency: currency)
        else { return nil }
        self.init(
            id: id, reference: reference, flutterwaveReference: data["flw_ref"]?.text, status: status, amount: amount)
    }
}

/// `{"status": "success"|"error", "message": …, "data": …}`: what every answer of Flutterwave v3 comes in.
struct FlutterwaveEnvelope {
    private let response: WebResponse
    private let json: JSONValue?

    init(_ response: WebResponse, _ json: JSONValue?) {
        self.response = response
        self.json = json
    }

    private var message: String? { json?["message"]?.text }

    /// `No transaction was found for this id`, with 400 or 404. There is no code for it.
    var saysNotFound: Bool {
        (response.status == .badRequest || response.status == .notFound) && json?["status"]?.text == "error"
            && message?.lowercased().contains("no transaction was found") == true
    }

    /// - Throws: ``AttemptFailure`` unless this is a success with data.
    func data(_ connection: ProviderConnection) throws(AttemptFailure) -> JSONValue {
        guard response.status.kind == .successful else { throw connection.failure(response, message: message) }
        guard json?["status"]?.text == "success", let data = json?["data"], case .object = data else {
            throw connection.failure(.garbage, "\(response.status.code) without data", message: message)
        }
        return data
    }
}
