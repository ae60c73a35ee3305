import FunctionCore
import Providers

/// Asks Flutterwave what is true of a payment and lets that have its effect. Used by the webhook at once and by the
/// worker later; each under a database role of its own. An operator asks as the worker does.
public struct PaymentVerification: Sendable {
    private let book: PaymentBook
    private let flutterwave: Flutterwave
    private let asker: PaymentBook.Asker

    public init(book: PaymentBook, flutterwave: Flutterwave, asker: PaymentBook.Asker) {
        self.book = book
        self.flutterwave = flutterwave
        self.asker = asker
    }

    /// Verifies and applies one stored event.
    ///
    /// - Returns: what came of it; `pending` when Flutterwave knows of no transaction yet, or when the event's own
    ///   words and the verified ones are about different payments. Such an event is tried again later.
    /// - Throws: when neither verifying nor noting that it failed worked; the event is still stored.
    public func settle(
        event: Int, reference: String?, transactionID: Int?, deadline: ContinuousClock.Instant
    ) async throws -> PaymentOutcome {
        do {
            guard let transaction = try await find(reference, transactionID, deadline: deadline) else {
                return try await wait(event, "no transaction was found", deadline)
            }
            guard reference == nil || transaction.reference == reference else {
                return try await wait(event, "the verified tx_ref is another one", deadline)
            }
            return try await book.apply(transaction, event: event, as: asker, deadline: deadline)
        } catch let error as ProviderError {
            return try await wait(event, error.description, deadline)
        }
    }

    /// Looks up a payment that no event has come for.
    ///
    /// - Returns: nil when Flutterwave knows of no transaction for it.
    public func reconcile(
        reference: String, deadline: ContinuousClock.Instant
    ) async throws -> PaymentOutcome? {
        guard let transaction = try await find(reference, nil, deadline: deadline) else { return nil }
        return try await book.apply(transaction, event: nil, as: asker, deadline: deadline)
    }

    private func find(
        _ reference: String?, _ transactionID: Int?, deadline: ContinuousClock.Instant
    ) async throws -> FlutterwaveTransaction? {
        if let transactionID { return try await flutterwave.verify(transactionID: transactionID, deadline: deadline) }
        if let reference { return try await flutterwave.verify(reference: reference, deadline: deadline) }
        return nil
    }

    private func wait(
        _ event: Int, _ reason: String, _ deadline: ContinuousClock.Instant
    ) async throws -> PaymentOutcome {
        // The verify call may have used up the deadline; noting why it failed gets its own time.
        try await book.defer(event: event, because: reason, as: asker, deadline: max(deadline, .now + .seconds(2)))
        return PaymentOutcome(rawValue: "pending")
    }
}
