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
    let logger: Logger

    /// Rows claimed at a look.
    private static let batch = 20
    /// What one row may take.
    private static let patience = Duration.seconds(20)

    var jobs: [Worker.Job] {
        [
            .init(name: "payment-events", run: settleEvents), .init(name: "pending-payments", run: reconcile),
            .init(name: "expired-links", run: expireLinks),
        ]
    }

    private var verification: PaymentVerification {
        PaymentVerification(book: PaymentBook(database: database), flutterwave: flutterwave, role: .worker)
    }

    private func settleEvents() async throws -> Int {
        let rows = try await query(
            "select event_id, tx_ref, transaction_id from private.claim_payment_events($1::int)", [Self.batch])
        for row in rows {
            let outcome = try await verification.settle(
                event: try row.decode("event_id", as: Int.self),
                reference: try row.decodeIfPresent("tx_ref", as: String.self),
                transactionID: try row.decodeIfPresent("transaction_id", as: Int.self),
                deadline: .now + Self.patience)
            logger.info("payment event", metadata: ["outcome": "\(outcome.rawValue)"])
        }
        return rows.count
    }

    private func reconcile() async throws -> Int {
        let rows = try await query("select tx_ref from private.claim_pending_payments($1::int)", [Self.batch])
        for row in rows {
            do {
                let outcome = try await verification.reconcile(
                    reference: try row.decode("tx_ref", as: String.self), deadline: .now + Self.patience)
                if let outcome { logger.info("payment reconciled", metadata: ["outcome": "\(outcome.rawValue)"]) }
            } catch let error as ProviderError {
                // The claim runs out by itself, and the payment is looked at again.
                logger.warning("payment not reconciled", metadata: ["cause": "\(error)"])
            }
        }
        return rows.count
    }

    private func expireLinks() async throws -> Int {
        try await query("select private.expire_payments() as count", []).one().decode("count", as: Int.self)
    }

    private func query(_ sql: String, _ parameters: [(any PostgresBindable)?]) async throws -> Rows {
        try await database.query(
            Statement(sql, parameters), as: .worker, lane: .slow, deadline: .now + Self.patience)
    }
}
