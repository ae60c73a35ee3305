import Crypto
import EmulatorControl
import FoundationEssentials
import FunctionCore
import FunctionJSON
import HTTPTypes
import Synchronization
import WebClient

/// Delivers webhooks as Flutterwave does: signed, tried again three times unless answered 200.
final class Webhooks: Sendable {
    static let retries = 3
    static let timeout = Duration.seconds(60)
    /// Bytes of an answer that are read before it is thrown away.
    static let responseLimit = 65_536

    private let url: String
    private let secretHash: String
    private let client: WebClient
    private let ledger: Ledger
    private let board: ControlBoard
    private let running = Mutex<[Int: Task<Void, Never>]>([:])
    private let lastID = Mutex(0)

    init(url: String, secretHash: String, client: WebClient, ledger: Ledger, board: ControlBoard) {
        self.url = url
        self.secretHash = secretHash
        self.client = client
        self.ledger = ledger
        self.board = board
    }

    deinit { for task in running.withLock({ $0 }).values { task.cancel() } }

    /// Starts to deliver one event, in a task of its own: a checkout does not wait for the merchant's server.
    func send(_ charge: Charge, event: String) {
        let fault = board.take(.flutterwave, "webhook", accepting: Fault.Kind.webhook)
        let distortion = board.take(.flutterwave, "webhook", accepting: Fault.Kind.verify, onlyNamed: true)
        if fault?.kind == .lostWebhook { return }
        guard let body = try? charge.webhook(event: event, sendsMeta: ledger.settings.sendsMeta, distortion).bytes
        else {
            return
        }
        let times = fault?.kind == .duplicateWebhook ? 2 : 1
        let delay = fault?.kind == .delayedWebhook ? Duration.milliseconds(fault?.milliseconds ?? 2_000) : .zero
        let fields = fields(signing: body, fault?.kind)
        let id = lastID.withLock { last in
            last += 1
            return last
        }
        // The lock is held while the task is made, so that it cannot take itself out before it is in.
        running.withLock { running in
            running[id] = Task { [weak self] in
                try? await Task.sleep(for: delay)
                for _ in 0..<times { await self?.deliver(body, fields, charge, event) }
                self?.running.withLock { $0[id] = nil }
            }
        }
    }

    private func deliver(_ body: [UInt8], _ fields: HTTPFields, _ charge: Charge, _ event: String) async {
        for attempt in 1...(1 + Self.retries) {
            if attempt > 1 { try? await Task.sleep(for: .milliseconds(ledger.settings.retryMilliseconds)) }
            if Task.isCancelled { return }
            var delivery = Delivery(transactionID: charge.id, event: event, attempt: attempt)
            do throws(WebError) {
                let response = try await client.send(
                    WebRequest(
                        method: .post, url: url, fields: fields, body: body, deadline: .now + Self.timeout,
                        responseLimit: Self.responseLimit))
                delivery.status = response.status.code
            } catch {
                delivery.error = "\(error)"
            }
            ledger.append(delivery)
            if delivery.status == 200 { return }
        }
    }

    /// `verif-hash` is the secret itself; `flutterwave-signature` is base64 of HMAC-SHA256 over the body's bytes.
    private func fields(signing body: [UInt8], _ fault: Fault.Kind?) -> HTTPFields {
        var fields: HTTPFields = [.contentType: "application/json"]
        guard fault != .unsignedWebhook else { return fields }
        let secret = fault == .forgedWebhook ? "forged-\(secretHash.count)" : secretHash
        let signature = ledger.settings.signature
        if signature != .hmac { fields[.verifHash] = secret }
        if signature != .hash {
            let code = HMAC<SHA256>.authenticationCode(for: body, using: SymmetricKey(data: Array(secret.utf8)))
            fields[.flutterwaveSignature] = Data(code).base64EncodedString()
        }
        return fields
    }
}

extension HTTPField.Name {
    static let verifHash = Self("verif-hash")!
    static let flutterwaveSignature = Self("flutterwave-signature")!
}
