import EmulatorControl
import FunctionCore
import FunctionJSON
import HTTPTypes
import WebClient

/// Stands in for https://api.flutterwave.com/v3 and its hosted checkout: payment links, verify, signed webhooks.
/// Development only. It remembers in memory alone.
public struct FlutterwaveEmulator: Function {
    public struct Configuration: Sendable {
        /// The one bearer key it accepts.
        public var secretKey: String
        /// Its own address, without a path, for the links it hands out.
        public var baseURL: String
        /// Where it sends webhooks, and the secret hash it signs them with.
        public var webhookURL: String
        public var webhookSecretHash: String

        public init(secretKey: String, baseURL: String, webhookURL: String, webhookSecretHash: String) {
            self.secretKey = secretKey
            self.baseURL = baseURL
            self.webhookURL = webhookURL
            self.webhookSecretHash = webhookSecretHash
        }
    }

    public static let name: FunctionName = "flutterwave-emulator"
    public static let routes: [Route] = [
        .post("/v3/payments", caller: .anyone),
        .get("/v3/transactions/verify_by_reference", caller: .anyone),
        .get("/v3/transactions/{id}/verify", caller: .anyone),
        .post("/v3/transactions/{id}/resend-hook", caller: .anyone),
        .get("/v3/hosted/pay/{token}", caller: .anyone),
        .post("/v3/hosted/pay/{token}", caller: .anyone),
        .get("/_control/flutterwave/transactions", caller: .anyone),
        .post("/_control/flutterwave/transactions/{id}/refund", caller: .anyone),
        .get("/_control/flutterwave/webhooks", caller: .anyone),
        .post("/_control/flutterwave/settings", caller: .anyone),
    ]

    private let configuration: Configuration
    private let board: ControlBoard
    private let ledger = Ledger()
    private let webhooks: Webhooks

    public init(_ configuration: Configuration, client: WebClient, board: ControlBoard) {
        self.configuration = configuration
        self.board = board
        webhooks = Webhooks(
            url: configuration.webhookURL, secretHash: configuration.webhookSecretHash, client: client, ledger: ledger,
            board: board)
    }

    public func respond(to request: Request, in context: Context) async throws -> Response {
        let path = request.head.target.segments
        if path[0] == "_control" { return try control(request, path) }
        if path[1] == "hosted" { return checkout(request) }
        switch path.last {
        case "payments":
            return try await serve("payments", request) { _ in try createLink(request) }
        case "resend-hook":
            return try await serve("resend-hook", request) { _ in
                webhooks.send(try charge(of: request), event: "charge.completed")
                return try Envelope.success("hook sent", .null)
            }
        default:
            return try await serve("verify", request, kinds: Fault.Kind.verify) { fault in
                let charge =
                    if path.last == "verify" { try charge(of: request) } else {
                        ledger.charge(reference: request.query["tx_ref"] ?? "")
                    }
                guard let charge else { throw FlutterwaveError.noTransaction }
                return try Envelope.success("Transaction fetched successfully", charge.verified(fault))
            }
        }
    }

    /// Answers one call of the API; whatever is wrong with it comes in the envelope.
    private func serve(
        _ operation: String, _ request: Request, kinds: Set<Fault.Kind> = [], answer: (Fault?) throws -> Response
    ) async throws -> Response {
        try await board.serve(
            .flutterwave, operation, request, kinds: kinds,
            refuse: { try FlutterwaveError($0.kind)?.response },
            answer: { fault in
                do {
                    try checkKey(request)
                    return try answer(fault)
                } catch let error as FlutterwaveError {
                    return try error.response
                }
            })
    }

    private func checkKey(_ request: Request) throws {
        guard let field = request.fields[.authorization], field.hasPrefix("Bearer ") else {
            throw FlutterwaveError(.unauthorized, "Authorization required")
        }
        guard field.dropFirst(7) == configuration.secretKey else {
            throw FlutterwaveError(.unauthorized, "Invalid authorization key")
        }
    }

    private func createLink(_ request: Request) throws -> Response {
        let payment = ledger.open(try PaymentRequest(body: request.body))
        let link = "\(configuration.baseURL)/v3/hosted/pay/\(payment.token)"
        return try Envelope.success("Hosted Link", ["link": .string(link)])
    }

    private func charge(of request: Request) throws -> Charge {
        guard let id = request.parameters["id"].flatMap({ Int(strictDecimal: $0) }), let charge = ledger.charge(id: id)
        else { throw FlutterwaveError.noTransaction }
        return charge
    }

    // MARK: - Checkout

    private func checkout(_ request: Request) -> Response {
        guard let token = request.parameters["token"], let payment = ledger.payment(token: token) else {
            return CheckoutPage.unknown()
        }
        guard request.method == .post else {
            return payment.isPaid ? CheckoutPage.paid(payment, status: .ok) : CheckoutPage.open(payment)
        }
        let form = Query(raw: String(decoding: request.body, as: UTF8.self))
        switch form["action"] {
        case "pay":
            guard let card = card(form["card"]) else {
                return CheckoutPage.open(payment, error: "This is not a test card.")
            }
            return pay(payment, with: card)
        case "decline": return pay(payment, with: .declined)
        case "abandon": return redirect(payment, status: "cancelled", charge: nil)
        default: return CheckoutPage.open(payment, error: "Choose one of the buttons.")
        }
    }

    private func card(_ number: String?) -> TestCard? {
        guard let number, !number.isEmpty else { return .standard }
        return TestCard.find(number)
    }

    private func pay(_ payment: Payment, with card: TestCard) -> Response {
        guard let charge = ledger.charge(token: payment.token, card: card) else {
            return CheckoutPage.paid(payment, status: .conflict)
        }
        // Flutterwave sends charge.completed for failed charges as well.
        webhooks.send(charge, event: "charge.completed")
        return redirect(payment, status: card.approved ? ledger.settings.redirectStatus : "failed", charge: charge)
    }

    /// Back to the merchant. Parameters that its address has already stay in front of ours.
    private func redirect(_ payment: Payment, status: String, charge: Charge?) -> Response {
        var query = "status=\(status)&tx_ref=\(PercentEncoding.encode(payment.request.reference))"
        if let charge { query += "&transaction_id=\(charge.id)" }
        let parts = payment.request.redirectURL.split(separator: "#", maxSplits: 1)
        let fragment = parts.count > 1 ? "#\(parts[1])" : ""
        let address = parts.first.map(String.init) ?? ""
        let location = address + (address.contains("?") ? "&" : "?") + query + fragment
        return Response(status: .seeOther, fields: [.location: location])
    }

    // MARK: - Control

    private func control(_ request: Request, _ path: [Substring]) throws -> Response {
        switch path.last {
        case "refund":
            guard let id = request.parameters["id"].flatMap({ Int(strictDecimal: $0) }),
                let charge = ledger.refund(id: id)
            else { throw Problem(.notFound, "No successful transaction has this id") }
            webhooks.send(charge, event: "refund.completed")
            return try .json(charge.data())
        case "transactions":
            return try .json(JSONValue.array(ledger.charges.map { $0.data() }))
        case "webhooks":
            return try .json(ledger.deliveries)
        default:
            let change = try JSON.decode(SettingsChange.self, from: request.body)
            ledger.settings = change.applied(to: ledger.settings)
            return try .json(ledger.settings)
        }
    }
}

/// The settings that a request names; the others stay.
private struct SettingsChange: Decodable {
    var signature: Settings.Signature?
    var retryMilliseconds: Int?
    var sendsMeta: Bool?
    var redirectStatus: String?

    func applied(to settings: Settings) -> Settings {
        var settings = settings
        if let signature { settings.signature = signature }
        if let retryMilliseconds { settings.retryMilliseconds = max(0, retryMilliseconds) }
        if let sendsMeta { settings.sendsMeta = sendsMeta }
        if let redirectStatus { settings.redirectStatus = redirectStatus }
        return settings
    }
}
