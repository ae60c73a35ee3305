import FoundationEssentials
import FunctionCore
import Synchronization

/// Everything the emulator remembers, in memory.
final class Ledger: Sendable {
    /// Links and charges kept; the oldest go first.
    static let maximumKept = 10_000

    private struct State {
        var payments: [String: Payment] = [:]
        var tokens: [String] = []
        var charges: [Charge] = []
        /// Ids go on from the clock, so that they do not come again after a restart.
        var nextID = Int(Date.now.timeIntervalSince1970 * 100)
        var deliveries: [Delivery] = []
        var settings = Settings()

        mutating func takeID() -> Int {
            nextID += 1
            return nextID
        }
    }

    private let state = Mutex(State())

    var settings: Settings {
        get { state.withLock { $0.settings } }
        set { state.withLock { $0.settings = newValue } }
    }

    func open(_ request: PaymentRequest) -> Payment {
        state.withLock { state in
            let payment = Payment(
                token: [UInt8].random(count: 10).hex, request: request, customerID: state.takeID(), createdAt: .now)
            state.payments[payment.token] = payment
            state.tokens.append(payment.token)
            if state.tokens.count > Self.maximumKept { state.payments[state.tokens.removeFirst()] = nil }
            return payment
        }
    }

    func payment(token: String) -> Payment? { state.withLock { $0.payments[token] } }

    /// Charges a link with a card.
    ///
    /// - Returns: nil when there is no such link or it is paid already.
    func charge(token: String, card: TestCard) -> Charge? {
        state.withLock { state in
            guard let payment = state.payments[token], !payment.isPaid else { return nil }
            let charge = Charge(
                id: state.takeID(), payment: payment, card: card, createdAt: .now,
                status: card.approved ? "successful" : "failed")
            state.payments[token]?.isPaid = card.approved
            state.charges.append(charge)
            if state.charges.count > Self.maximumKept { state.charges.removeFirst() }
            return charge
        }
    }

    var charges: [Charge] { state.withLock { $0.charges } }

    func charge(id: Int) -> Charge? { state.withLock { state in state.charges.first { $0.id == id } } }

    /// The last charge that did not fail, or else the last one, of a reference.
    func charge(reference: String) -> Charge? {
        state.withLock { state in
            let charges = state.charges.filter { $0.payment.request.reference == reference }
            return charges.last { $0.status != "failed" } ?? charges.last
        }
    }

    /// - Returns: the charge as it is now; nil unless it was successful.
    func refund(id: Int) -> Charge? {
        state.withLock { state in
            guard let index = state.charges.firstIndex(where: { $0.id == id && $0.status == "successful" }) else {
                return nil
            }
            state.charges[index].status = "refunded"
            return state.charges[index]
        }
    }

    var deliveries: [Delivery] { state.withLock { $0.deliveries } }

    func append(_ delivery: Delivery) {
        state.withLock { state in
            state.deliveries.append(delivery)
            if state.deliveries.count > Self.maximumKept { state.deliveries.removeFirst() }
        }
    }
}

/// What a merchant sets in the dashboard, and what the tests vary.
struct Settings: Codable, Sendable {
    /// How webhooks prove themselves: `verif-hash`, `flutterwave-signature` or `both`.
    enum Signature: String, Codable {
        case hash = "verif-hash"
        case hmac = "flutterwave-signature"
        case both
    }

    var signature = Signature.hash
    /// Between two tries of one webhook; thirty minutes in life.
    var retryMilliseconds = 1_000
    /// Whether webhooks carry `meta_data`.
    var sendsMeta = true
    /// What the browser is told about success: `successful` or `completed`.
    var redirectStatus = "successful"
}

/// One try to deliver a webhook.
struct Delivery: Codable, Sendable {
    var transactionID: Int
    var event: String
    /// 1 for the first.
    var attempt: Int
    /// What the receiver answered; nil when there was no answer.
    var status: Int?
    var error: String?
}
