import ArgumentParser
import Callers
import FoundationEssentials
import Payments
import Plans
import PostgresClient
import Providers
import WebClient

struct PaymentsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "payments", abstract: "Look at payments, and have what is stuck looked at again.",
        subcommands: [List.self, Show.self, Replay.self, Reconcile.self])

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "List payments, newest first: reference, state, plan, price, workspace, transaction, time.")

        @Option(help: "Only those that are pending, active, failed, cancelled, expired or refunded.")
        var state: String?
        @Option(help: "At most so many.") var limit = 50

        func run() async throws {
            let books = try await OperatorsBooks()
            let rows = try await books.query("select * from private.list_payments($1, $2::int)", [state, limit])
            for row in rows {
                print(
                    try row.decode("tx_ref", as: String.self), try row.decode("status", as: String.self),
                    try row.decode("plan", as: String.self), try OperatorsBooks.price(row),
                    try row.decode("workspace_id", as: String.self),
                    try row.decodeIfPresent("transaction_id", as: Int.self).map { "\($0)" } ?? "-",
                    try row.decode("created_at", as: String.self), separator: "  ")
            }
            await books.close()
        }
    }

    struct Show: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Show everything that happened to one payment, in order, and what caused it.")

        @Argument(help: "The payment's reference, tx_ref.") var reference: String

        func run() async throws {
            let books = try await OperatorsBooks()
            let rows = try await books.query("select * from private.payment_history($1)", [reference])
            for row in rows {
                print(
                    try row.decode("created_at", as: String.self), try row.decode("kind", as: String.self),
                    try row.decode("said", as: String.self), separator: "  ")
            }
            await books.close()
            guard !rows.isEmpty else { throw ValidationError("there is no payment with this reference, nor an event") }
        }
    }

    struct Replay: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Have events that were given up looked at again, by the worker, at once.")

        @Argument(help: "One event's number; all that were given up when there is none.") var event: Int?

        func run() async throws {
            let books = try await OperatorsBooks()
            let row = try await books.query("select count from private.replay_payment_events($1::bigint)", [event])
            print("\(try row.one().decode("count", as: Int.self)) events are due now")
            await books.close()
        }
    }

    struct Reconcile: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Ask Flutterwave now what became of payments, and let that have its effect. Exits 1 if it failed."
        )

        @Argument(help: "One payment's reference; all that are not paid when there is none.") var reference: String?
        @Option(help: "Only those made in so many days.") var days = 30

        func run() async throws {
            let books = try await OperatorsBooks()
            let outcomes = try await books.reconcile(reference, days: days)
            for (reference, outcome) in outcomes { print(reference, outcome.text, separator: "  ") }
            await books.close()
            if reference != nil, outcomes.isEmpty { throw ValidationError("there is no payment with this reference") }
            if outcomes.contains(where: { $0.outcome.isFailure }) { throw ExitCode(1) }
        }
    }
}

/// The books as an operator sees them: over DATABASE_URL, as the worker's role.
private struct OperatorsBooks {
    enum Outcome {
        case said(String)
        case failed(String)

        var text: String {
            switch self {
            case .said(let text): text
            case .failed(let cause): "could not be asked about: \(cause)"
            }
        }

        var isFailure: Bool {
            if case .failed = self { true } else { false }
        }
    }

    private static let patience = Duration.seconds(30)

    private let database: Database
    private let flutterwave: Flutterwave
    private let web: WebClient

    init() async throws {
        var reader = SettingsReader(try await SettingsSource().reader)
        let configuration = Database.Configuration(from: &reader)
        let provider = Flutterwave.Configuration(from: &reader)
        try reader.finish()
        database = try Database(configuration, logger: .callwaiting(level: .warning))
        web = WebClient(logger: .callwaiting(level: .warning))
        flutterwave = Flutterwave(provider, client: web)
    }

    func query(_ sql: String, _ parameters: [(any PostgresBindable)?]) async throws -> Rows {
        try await database.query(
            Statement(sql, parameters), as: .worker, lane: .slow, deadline: .now + Self.patience)
    }

    /// Asks about one payment after another; one that cannot be asked about does not keep the others from it.
    func reconcile(_ reference: String?, days: Int) async throws -> [(reference: String, outcome: Outcome)] {
        let rows = try await query(
            "select tx_ref_due from private.recheck_payments($1, $2::int)", [reference, days])
        let verification = PaymentVerification(
            book: PaymentBook(database: database), flutterwave: flutterwave, asker: .operator)
        var outcomes: [(String, Outcome)] = []
        for row in rows {
            let reference = try row.decode("tx_ref_due", as: String.self)
            do {
                let outcome = try await verification.reconcile(
                    reference: reference, deadline: .now + Self.patience)
                outcomes.append((reference, .said(outcome?.rawValue ?? "nobody has tried to pay")))
            } catch {
                outcomes.append((reference, .failed("\(error)")))
            }
        }
        return outcomes
    }

    func close() async {
        await database.shutdown()
        await web.shutdown()
    }

    /// As money where the currency is known, and as the books have it elsewhere.
    static func price(_ row: Row) throws -> String {
        let (amount, code) = (
            try row.decode("amount_minor", as: Int.self), try row.decode("currency", as: String.self)
        )
        return Currency(code).map { "\(Money(minorUnits: amount, currency: $0))" } ?? "\(amount) \(code)"
    }
}
