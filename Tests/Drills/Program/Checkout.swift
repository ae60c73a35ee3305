import FunctionCore
import FunctionJSON
import HTTPTypes
import Synchronization

/// Flutterwave's side of the payment storm: links, transactions, and a verify endpoint that is down now and then.
final class Checkout: Sendable {
    struct Transaction: Sendable {
        let id: Int
        let reference: String
        let status: String
        /// Major units, as the wire has them.
        let amount: String
    }

    private struct State {
        var transactions: [Transaction] = []
        var isDown = false
        var refused = 0
    }

    private let state = Mutex(State())

    /// Notes an attempt to pay.
    func charge(_ reference: String, status: String, amount: String) -> Transaction {
        state.withLock { state in
            let new = Transaction(
                id: 1_000_000 + state.transactions.count, reference: reference, status: status, amount: amount)
            state.transactions.append(new)
            return new
        }
    }

    func setDown(_ isDown: Bool) { state.withLock { $0.isDown = isDown } }

    /// Verify calls that were refused.
    var refused: Int { state.withLock { $0.refused } }

    func respond(to request: Request) throws -> Response {
        if request.head.target.path == "/v3/payments" {
            let reference = try JSONValue(parsing: request.body)["tx_ref"]?.text ?? ""
            return .json(
                #"{"status":"success","message":"Hosted Link","data":{"link":"http://127.0.0.1:9/pay/\#(reference)"}}"#)
        }
        let found: (isDown: Bool, transaction: Transaction?) = state.withLock { state in
            if state.isDown {
                state.refused += 1
                return (true, nil)
            }
            if let id = request.parameters["id"].flatMap({ Int($0) }) {
                return (false, state.transactions.first { $0.id == id })
            }
            let reference = request.query["tx_ref"]
            // As Flutterwave does, the last attempt unless an earlier one was successful.
            let all = state.transactions.filter { $0.reference == reference }
            return (false, all.first { $0.status == "successful" } ?? all.last)
        }
        if found.isDown { return .json(#"{"status":"error","message":"down"}"#, status: .serviceUnavailable) }
        guard let transaction = found.transaction else {
            return .json(
                #"{"status":"error","message":"No transaction was found for this id","data":null}"#, status: .badRequest
            )
        }
        return .json(
            """
            {"status":"success","message":"Transaction fetched successfully","data":{"id":\(transaction.id),\
            "tx_ref":"\(transaction.reference)","flw_ref":"F\(transaction.id)","amount":\(transaction.amount),\
            "currency":"NGN","status":"\(transaction.status)"}}
            """)
    }
}
