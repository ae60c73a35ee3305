import Callers
import FunctionCore
import FunctionJSON
import Payments
import Plans
import Problems
import Providers

/// POST /api/create-payment-link: a checkout page where a plan can be paid for.
public struct CreatePaymentLink: JSONFunction {
    public static let name: FunctionName = "create-payment-link"
    public static let routes = [Route.post("/api/create-payment-link", caller: .user)]

    private let book: PaymentBook
    private let flutterwave: Flutterwave
    private let plans: PlanCatalogue
    /// Where the browser returns to; built from a setting, never from a request.
    private let returnURL: String

    public init(book: PaymentBook, flutterwave: Flutterwave, plans: PlanCatalogue, returnURL: String) {
        self.book = book
        self.flutterwave = flutterwave
        self.plans = plans
        self.returnURL = returnURL
    }

    public struct Input: Decodable, Sendable {
        let plan: PurchasablePlan
    }

    public struct Output: Encodable, Sendable {
        let paymentLink: String
        let txRef: TransactionReference
    }

    public func respond(to input: Input, from user: User, in context: Context) async throws -> Reply<Output> {
        let plan = input.plan.name
        let price = plans.price(of: input.plan)
        let reference = TransactionReference.random()
        let customer: PaymentBook.Customer
        switch try await book.open(reference, for: plan, price: price, by: user, in: context) {
        case .new(let new): customer = new
        case .replayed(let known, let link): return .ok(Output(paymentLink: link, txRef: known), fields: .replayed)
        }
        let link: String
        do {
            link = try await context.timing.measure("flutterwave") {
                try await flutterwave.createPayment(
                    .init(
                        reference: reference, amount: price, redirectURL: returnURL, email: customer.email,
                        name: customer.name, title: "\(plan.rawValue) plan, \(plan.minutes) minutes"),
                    deadline: context.deadline)
            }
        } catch {
            // After a clear refusal there is no link; after a silence there may be one, so that payment stays pending.
            if (error as? ProviderError)?.isRefusal == true {
                try await book.refused(reference, in: context)
            } else if user.idempotency != nil {
                try await book.unanswered(reference, in: context)
            }
            throw error
        }
        try await book.linked(reference, to: link, in: context)
        return .ok(Output(paymentLink: link, txRef: reference))
    }
}
