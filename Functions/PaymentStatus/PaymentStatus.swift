import Callers
import FunctionCore
import FunctionJSON
import Plans
import PostgresClient
import Problems

/// GET /api/payment-status?txRef=: what our own books say of a payment. What the browser brought back from the checkout
/// counts for nothing.
public struct PaymentStatus: JSONFunction {
    public static let name: FunctionName = "payment-status"
    public static let routes = [Route.get("/api/payment-status", caller: .user)]

    private let database: Database

    public init(database: Database) { self.database = database }

    public struct Input: Decodable, Sendable {
        let txRef: TransactionReference
    }

    public struct Output: Encodable, Sendable {
        /// pending, active, failed, cancelled, expired or refunded.
        let status: String
        let plan: String
        let minutes: Int
    }

    public func respond(to input: Input, from user: User, in context: Context) async throws -> Reply<Output> {
        let row = try await database.row(
            "select * from private.payment_status($1::uuid, $2)", [user.workspace, input.txRef.rawValue],
            as: .authenticated, for: user, in: context)
        switch try row.decode("outcome", as: String.self) {
        case "ok":
            return .ok(
                Output(
                    status: try row.decode("status", as: String.self), plan: try row.decode("plan", as: String.self),
                    minutes: try row.decode("minutes", as: Int.self)))
        case "not_found": throw Problem(.notFound, "There is no payment with this txRef.")
        default: throw Problem(.forbidden)
        }
    }
}
