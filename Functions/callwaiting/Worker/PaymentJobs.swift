import Callers
import Logging
import Payments
import PostgresClient
import Providers

/// Verifies the payment events that could not be verified when they came, and looks after payments that no event came
/// for.
struct PaymentJobs: Sendable {
    let database: Database
    let flutterwave: Flutterwave
    let stop: WorkerStop
    let logger: Logger

    /// Rows claimed at a time: all of them, each with its ``patience``, take less than a claim's two minutes.
    private static let batch = 5
    /// What one row may take.
    private static let patience = Duration.seconds(20)

    var jobs: [Worker.Job] {
        [
            .init(name: "payment-events", run: settleEvents), .init(name: "pending-payments", run: reconcile),
            .init(name: "expired-links", run: expireLinks),
        ]
    }

    /// How long until an event or a payment is due; nil when none ever will be, or when the database does not say.
    @Sendable func rest() async -> Duration? {
        let row = try? await query("select seconds from private.worker_rest()", []).one()
        return (try? row?.decodeIfPresent("seconds", as: Double.self)).flatMap { $0 }.map { .seconds($0) }
    }

    private var verification: PaymentVerification {
        PaymentVerification(book: PaymentBook(database: database), flutterwave: flutterwave, asker: .worker)
    }

    private func settleEvents() async throws -> Int {
        try await claiming("select event_id, tx_ref, transaction_id from private.claim_payment_events($1::int)") {
            row in
            let event = try row.decode("event_id", as: Int.self)
            do {
                let outcome = try await verification.settle(
                    event: event, reference: try row.decodeIfPresent("tx_ref", as: String.self),
                    transactionID: try row.decodeIfPresent("transaction_id", as: Int.self),
                    deadline: .now + Self.patience)
                outcome.log(to: logger, event: event)
            } catch {
                // One bad event must not keep the good ones behind it waiting, now or at the next look.
                logger.error("payment event not settled", metadata: ["event": "\(event)", "cause": "\(error)"])
                try await PaymentBook(database: database).defer(
                    event: event, because: "\(error)", as: .worker, deadline: .now + Self.patience)
            }
        }
    }

    private func reconcile() async throws -> Int {
        try await claiming("select tx_ref from private.claim_pending_payments($1::int)") { row in
            do {
                let outcome = try await verification.reconcile(
                    reference: try row.decode("tx_ref", as: String.self), deadline: .now + Self.patience)
                outcome?.log(to: logger)
            } catch {
                // The claim runs out by itself, and the payment is looked at again.
                logger.warning("payment not reconciled", metadata: ["cause": "\(error)"])
            }
        }
    }

    /// Claims a few rows at a time until no more are due, and does each.
    ///
    /// - Returns: how many there were.
    private func claiming(_ sql: String, _ work: (Row) async throws -> Void) async throws -> Int {
        var count = 0
        while !stop.isTold {
            let rows = try await query(sql, [Self.batch])
            // What is claimed and not begun when the worker stops is claimed again once that claim is over.
            for row in rows where !stop.isTold {
                try await work(row)
                count += 1
            }
            if rows.count < Self.batch { break }
        }
        return count
    }

    private func expireLinks() async throws -> Int {
        try await query("select private.expire_payments() as count", []).one().decode("count", as: Int.self)
    }

    private func query(_ sql: String, _ parameters: [(any PostgresBindable)?]) async throws -> Rows {
        try await database.query(
            Statement(sql, parameters), as: .worker, lane: .slow, deadline: .now + Self.patience)
    }
}
