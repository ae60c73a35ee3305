import FoundationEssentials
import FunctionCore
import FunctionJSON
import HTTPTypes
import Plans
import WebClient

/// Flutterwave's API v3: hosted checkout, and what became of it. It speaks of money in major units.
public final class Flutterwave: Sendable {
    public struct Configuration: Sendable {
        /// With its version, without a trailing slash. The key decides between test and live.
        public var baseURL: String
        public var key: APIKey
        /// The longest that one attempt may take.
        public var attemptLimit: Duration
        public var retries: RetryPolicy

        public init(
            baseURL: String = "https://api.flutterwave.com/v3", key: APIKey, attemptLimit: Duration = .seconds(15),
            retries: RetryPolicy = .init()
        ) {
            self.baseURL = baseURL
            self.key = key
            self.attemptLimit = attemptLimit
            self.retries = retries
        }
    }

    private let configuration: Configuration
    private let connection: ProviderConnection

    public convenience init(_ configuration: Configuration, client: WebClient) {
        self.init(configuration, transport: { try await client.send($0) })
    }

    public init(_ configuration: Configuration, transport: @escaping WebTransport) {
        self.configuration = configuration
        connection = ProviderConnection(
            .flutterwave, configuration.key, transport, configuration.retries, attemptLimit: configuration.attemptLimit)
    }

    /// A checkout to be made.
    public struct Payment: Sendable {
        public var reference: TransactionReference
        public var amount: Money
        /// Where the browser returns to. Flutterwave adds `status`, `tx_ref` and `transaction_id` to its query.
        public var redirectURL: String
        public var email: String
        public var name: String?
        /// Shown above the checkout.
        public var title: String

        public init(
            reference: TransactionReference, amount: Money, redirectURL: String, email: String, name: String?,
            title: String
        ) {
            self.reference = reference
            self.amount = amount
            self.redirectURL = redirectURL
            self.email = email
            self.name = name
            self.title = title
        }
    }

    /// POST /payments: makes a checkout page (developer.flutterwave.com/docs/collecting-payments/standard).
    ///
    /// Making one twice does no harm, so failed attempts are repeated with the same reference.
    ///
    /// - Returns: the page's URL, http or https. Any host: there are several, and test accounts have others.
    /// - Throws: ``ProviderError``; `CancellationError`.
    public func createPayment(_ payment: Payment, deadline: ContinuousClock.Instant) async throws -> String {
        let body = try JSON.encode(PaymentBody(payment))
        let request = WebRequest(
            method: .post, url: "\(configuration.baseURL)/payments", body: body, deadline: deadline)
        return try await connection.exchange(request, deadline: deadline) { response in
            let data = try FlutterwaveEnvelope(response, await response.json()).data(connection)
            guard let link = data["link"]?.text, Self.isWebLink(link) else {
                throw connection.failure(.garbage, "no link in the answer")
            }
            return link
        }
    }

    /// GET /transactions/{id}/verify.
    ///
    /// - Returns: nil when Flutterwave knows of no such transaction.
    /// - Throws: ``ProviderError``; `CancellationError`.
    public func verify(
        transactionID: Int, deadline: ContinuousClock.Instant
    ) async throws -> FlutterwaveTransaction? {
        try await verify("/transactions/\(transactionID)/verify", deadline) { $0.id == transactionID }
    }

    /// GET /transactions/verify_by_reference.
    ///
    /// - Returns: nil when nobody has tried to pay yet.
    /// - Throws: ``ProviderError``; `CancellationError`.
    public func verify(
        reference: String, deadline: ContinuousClock.Instant
    ) async throws -> FlutterwaveTransaction? {
        let query = PercentEncoding.encode(reference)
        return try await verify("/transactions/verify_by_reference?tx_ref=\(query)", deadline) {
            $0.reference == reference
        }
    }

    private func verify(
        _ path: String, _ deadline: ContinuousClock.Instant, isAsked: (FlutterwaveTransaction) -> Bool
    ) async throws -> FlutterwaveTransaction? {
        let request = WebRequest(method: .get, url: configuration.baseURL + path, deadline: deadline)
        return try await connection.exchange(request, deadline: deadline) { response in
            let envelope = FlutterwaveEnvelope(response, await response.json())
            if envelope.saysNotFound { return nil }
            guard let transaction = FlutterwaveTransaction(try envelope.data(connection)) else {
                throw connection.failure(.garbage, "a transaction that cannot be read")
            }
            guard isAsked(transaction) else { throw connection.failure(.garbage, "another transaction than asked for") }
            return transaction
        }
    }

    private static func isWebLink(_ text: String) -> Bool {
        guard text.utf8.count <= 2_048, text.utf8.allSatisfy({ (0x21...0x7E).contains($0) }),
            let url = URL(string: text), let host = url.host()
        else { return false }
        return (url.scheme == "https" || url.scheme == "http") && !host.isEmpty && url.user() == nil
    }
}

/// The request's body. The amount is written as exact decimal text.
private struct PaymentBody: Encodable {
    let reference: String
    let amount: JSONValue
    let currency: String
    let redirectURL: String
    let customer: Customer
    let customizations: Customizations

    enum CodingKeys: String, CodingKey {
        case reference = "tx_ref"
        case amount, currency
        case redirectURL = "redirect_url"
        case customer, customizations
    }

    struct Customer: Encodable {
        let email: String
        let name: String?
    }

    struct Customizations: Encodable {
        let title: String
    }

    init(_ payment: Flutterwave.Payment) {
        reference = payment.reference.rawValue
        amount = .number(payment.amount.majorUnits)
        currency = payment.amount.currency.code
        redirectURL = payment.redirectURL
        customer = Customer(email: payment.email, name: payment.name)
        customizations = Customizations(title: payment.title)
    }
}
