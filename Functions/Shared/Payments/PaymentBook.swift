import Callers
import FunctionCore
import Logging
import Plans
import PostgresClient
import Problems
import Providers

/// Our own books of payments. They change through what Flutterwave's verify endpoint says, and through nothing else.
public struct PaymentBook: Sendable {
    private let database: Database
    private let limit: RateLimit

    /// - Parameter limit: payments that one person begins.
    public init(database: Database, limit: RateLimit = .none) {
        self.database = database
        self.limit = limit
    }

    /// Who pays, as the checkout wants to know.
    public struct Customer: Sendable {
        public let email: String
        public let name: String?
    }

    /// What opening comes to.
    public enum Opening: Sendable {
        case new(Customer)
        /// The same request had been answered before, under its ``IdempotencyKey``.
        case replayed(TransactionReference, link: String)
    }

    /// Writes the `pending` row before anybody is asked for a link. Price and minutes are fixed here.
    ///
    /// - Throws: ``Problem`` 403 unless the user is owner or admin of the workspace and has an e-mail; 409 and 422 as
    ///   ``IdempotencyKey`` has it; 429 `rate_limited`.
    public func open(
        _ reference: TransactionReference, for plan: PlanName, price: Money, by user: User, in context: Context
    ) async throws -> Opening {
        var sql = "select * from private.create_payment($1::uuid, $2, $3::int, $4::bigint, $5, $6, $7::int)"
        var parameters: [(any PostgresBindable)?] = [
            user.workspace, plan.rawValue, plan.minutes, price.minorUnits, price.currency.code, reference.rawValue,
            limit.perMinute,
        ]
        if let key = user.idempotency {
            sql = """
                select * from private.create_payment(
                  $1::uuid, $2, $3::int, $4::bigint, $5, $6, $7::int, $8::int, $9::bytea, $10::bytea)
                """
            parameters += [lease(in: context), key.hash, key.fingerprint]
        }
        // Shielded, as a key that was claimed has to be answered or given up.
        let row = try await database.row(
            sql, parameters, as: .payments, for: user, shielded: user.idempotency != nil, in: context)
        switch try row.decode("outcome", as: String.self) {
        case "created":
            return .new(
                Customer(
                    email: try row.decode("email", as: String.self),
                    name: try row.decodeIfPresent("full_name", as: String.self)))
        case "replayed":
            return .replayed(
                try TransactionReference(validating: try row.decode("known_tx_ref", as: String.self)),
                link: try row.decode("payment_link", as: String.self))
        case "rate_limited": throw try limit.exceeded(row)
        case "forbidden": throw Problem(.forbidden, "Only an owner or admin of the workspace can pay for it.")
        case "no_email":
            throw Problem(.forbidden, "Add an e-mail to your account first: the checkout asks for one.")
        case let outcome: throw Problem.idempotency(outcome) ?? Problem(.internal)
        }
    }

    /// Seconds until a request is taken for dead: twice what is left to it.
    private func lease(in context: Context) -> Int {
        Int((ContinuousClock.now.duration(to: context.deadline) * 2).components.seconds) + 1
    }

    /// Notes the checkout link that was made for a payment.
    public func linked(_ reference: TransactionReference, to link: String, in context: Context) async throws {
        _ = try await database.row(
            "select outcome from private.payment_link_made($1, $2)", [reference.rawValue, link], as: .payments,
            shielded: true, in: context)
    }

    /// Notes that no link could be had, so nobody can have paid.
    public func refused(_ reference: TransactionReference, in context: Context) async throws {
        _ = try await database.row(
            "select outcome from private.payment_link_failed($1)", [reference.rawValue], as: .payments, shielded: true,
            in: context)
    }

    /// Notes that nobody knows whether there is a link: the payment stays pending, and its key is given up.
    public func unanswered(_ reference: TransactionReference, in context: Context) async throws {
        _ = try await database.row(
            "select outcome from private.payment_link_unknown($1)", [reference.rawValue], as: .payments, shielded: true,
            in: context)
    }

    /// Stores an event before anything is made of it.
    ///
    /// - Parameters:
    ///   - key: the same for every delivery of the same event.
    ///   - payload: the body as it came, JSON.
    /// - Throws: ``Problem`` 400 `malformed_json` for JSON that `jsonb` cannot hold: `\u0000`, or a number beyond its
    ///   bounds.
    public func receive(
        _ event: WebhookEvent, key: String, payload: String, deadline: ContinuousClock.Instant
    ) async throws -> StoredEvent {
        let statement = Statement(
            "select * from private.receive_payment_event('flutterwave', $1, $2, $3::bigint, $4, $5::jsonb)",
            [key, event.reference, event.transactionID, event.kind, payload])
        do {
            let row = try await database.query(statement, as: .payments, shielded: true, deadline: deadline).one()
            return StoredEvent(
                id: try row.decode("event_id", as: Int.self), isProcessed: try row.decode("processed", as: Bool.self))
        } catch  where error.sqlState?.class == .dataException {
            throw Problem(.malformedJSON, cause: error)
        }
    }

    public struct StoredEvent: Sendable {
        public let id: Int
        public let isProcessed: Bool
    }

    /// Who asks what is true of a payment; recorded with what changes by the answer.
    public enum Asker: String, Sendable {
        case webhook, worker, `operator`

        var role: DatabaseRole { self == .webhook ? .payments : .worker }
    }

    /// Lets a verified transaction have its effect, once.
    public func apply(
        _ transaction: FlutterwaveTransaction, event: Int?, as asker: Asker, deadline: ContinuousClock.Instant
    ) async throws -> PaymentOutcome {
        let statement = Statement(
            "select outcome from private.apply_payment($1::bigint, $2, $3::bigint, $4, $5::bigint, $6, $7, $8)",
            [
                event, transaction.reference, transaction.id, transaction.status, transaction.amount.minorUnits,
                transaction.amount.currency.code, transaction.flutterwaveReference, asker.rawValue,
            ])
        let row = try await database.query(statement, as: asker.role, shielded: true, deadline: deadline).one()
        return PaymentOutcome(rawValue: try row.decode("outcome", as: String.self))
    }

    /// Leaves an event that could not be verified now to the worker.
    public func `defer`(
        event: Int, because reason: String, as asker: Asker, deadline: ContinuousClock.Instant
    ) async throws {
        let statement = Statement("select outcome from private.defer_payment_event($1::bigint, $2)", [event, reason])
        _ = try await database.query(statement, as: asker.role, shielded: true, deadline: deadline)
    }
}

/// What applying a verified transaction came to: `activated`, `already_active`, `pending`, `failed`, `mismatch`,
/// `duplicate_transaction`, `unknown_reference` or `refunded`.
public struct PaymentOutcome: RawRepresentable, Sendable, Hashable {
    public let rawValue: String
    public init(rawValue: String) { self.rawValue = rawValue }

    /// Money came in, or was announced, that the books cannot place: somebody has to look, or owes it back.
    public var needsAttention: Bool {
        ["mismatch", "duplicate_transaction", "unknown_reference"].contains(rawValue)
    }

    /// One line; an error where an operator has to act.
    public func log(to logger: Logger, event: Int? = nil) {
        var metadata: Logger.Metadata = ["outcome": "\(rawValue)"]
        if let event { metadata["event"] = "\(event)" }
        logger.log(level: needsAttention ? .error : .info, "payment", metadata: metadata)
    }
}
