import Callers
import Crypto
import FunctionCore
import Payments
import PostgresClient
import Problems
import Providers

/// POST /api/flutterwave-webhook: Flutterwave says that something happened to a payment.
///
/// The signature shows only that the sender knows our secret hash, so nothing in the body is believed: the event is
/// stored, Flutterwave is asked what is true, and that has its effect. Once the event is stored the answer is 200,
/// whatever becomes of the rest: what cannot be verified now is verified by the worker.
public struct FlutterwaveWebhook: Function {
    public static let name: FunctionName = "flutterwave-webhook"
    public static let routes = [
        Route.post("/api/flutterwave-webhook", caller: .provider, limits: .init(deadline: .seconds(30)))
    ]

    private let book: PaymentBook
    private let flutterwave: Flutterwave
    private let secret: WebhookSecret?

    /// - Parameter secret: the secret hash of Flutterwave's dashboard; nil refuses every event.
    public init(book: PaymentBook, flutterwave: Flutterwave, secret: WebhookSecret?) {
        self.book = book
        self.flutterwave = flutterwave
        self.secret = secret
    }

    public func respond(to request: Request, in context: Context) async throws -> Response {
        guard let secret else { throw Problem(.notConfigured, "No secret hash is set for payment webhooks.") }
        guard secret.verifies(request.fields, body: request.body) else { throw Problem(.invalidSignature) }
        guard let event = WebhookEvent(request.body), let payload = String(validating: request.body, as: UTF8.self)
        else {
            throw Problem(.malformedJSON)
        }
        let stored = try await context.timing.measure("db") {
            try await book.receive(
                event, key: event.key(body: request.body), payload: payload, deadline: context.deadline)
        }
        if !stored.isProcessed { await settle(event, stored, in: context) }
        return Response(
            status: .ok, fields: [.contentType: "application/json"], body: .bytes(Array(#"{"status":"success"}"#.utf8)))
    }

    private func settle(_ event: WebhookEvent, _ stored: PaymentBook.StoredEvent, in context: Context) async {
        do {
            let outcome = try await PaymentVerification(book: book, flutterwave: flutterwave, asker: .webhook)
                .settle(
                    event: stored.id, reference: event.reference, transactionID: event.transactionID,
                    deadline: context.deadline)
            outcome.log(to: context.logger, event: stored.id)
        } catch {
            context.logger.warning("payment event left to the worker", metadata: ["cause": "\(error)"])
        }
    }
}

extension WebhookEvent {
    /// Longest key kept as it reads, in bytes; the books take 300 characters.
    private static let longestKey = 200

    /// One key for all deliveries of one event: what happened to which transaction, or the hash of the body when that
    /// names none or is too long.
    func key(body: [UInt8]) -> String {
        let text = transactionID.map { "\(kind):\($0):\(status ?? "")" }
        if let text, text.utf8.count <= Self.longestKey { return text }
        return "sha256:\(Array(SHA256.hash(data: text.map { Array($0.utf8) } ?? body)).hex)"
    }
}
