import Callers
import FunctionCore
import Plans
import PostgresClient
import Problems

/// GET /payment: where a checkout sends the browser back to, when `APP_URL` is this server's own address.
///
/// Says what our own books say of the payment. Of what the checkout put into the address only the reference is read,
/// which nobody can guess; what else stands there anybody may have written.
public struct PaymentReturn: Function {
    public static let name: FunctionName = "payment-return"
    public static let routes = [Route.get("/payment", caller: .anyone)]

    private let database: Database

    public init(database: Database) { self.database = database }

    public func respond(to request: Request, in context: Context) async throws -> Response {
        guard let text = request.query["tx_ref"], let reference = try? TransactionReference(validating: text) else {
            return Page.unknown.response
        }
        let row = try await database.row(
            "select status from private.payment_return($1)", [reference.rawValue], as: .payments, in: context)
        return Page(status: try row.decodeIfPresent("status", as: String.self)).response
    }
}

/// What the browser shows.
private enum Page {
    case paid, pending, failed, refunded, unknown

    /// - Parameter status: as the books have it; nil for a payment that is not there.
    init(status: String?) {
        self =
            switch status {
            case "active": .paid
            case "pending": .pending
            case "refunded": .refunded
            case nil: .unknown
            default: .failed
            }
    }

    private var words: (title: String, text: String) {
        switch self {
        case .paid: ("Paid", "Thank you. Your minutes are there now.")
        case .pending: ("Not paid yet", "We have not heard of your payment. This page looks again every few seconds.")
        case .failed: ("Not paid", "The payment failed, was cancelled, or its link is too old. Nothing was bought.")
        case .refunded: ("Paid back", "This payment was given back.")
        case .unknown: ("No such payment", "The address of this page names no payment of ours.")
        }
    }

    var response: Response {
        let again = self == .pending ? "<meta http-equiv=\"refresh\" content=\"3\">\n" : ""
        let html = """
            <!doctype html>
            <html lang="en">
            <meta charset="utf-8">
            <meta name="viewport" content="width=device-width, initial-scale=1">
            \(again)<title>\(words.title)</title>
            <h1>\(words.title)</h1>
            <p>\(words.text)</p>
            </html>

            """
        return .text(html, status: self == .unknown ? .notFound : .ok, type: "text/html; charset=utf-8")
    }
}
