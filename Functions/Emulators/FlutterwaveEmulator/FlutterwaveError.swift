import EmulatorControl
import FunctionCore
import FunctionJSON
import HTTPTypes

/// A refusal in Flutterwave's envelope, which has no code: callers branch on the HTTP status.
struct FlutterwaveError: Error {
    var status: HTTPResponse.Status
    var message: String

    init(_ status: HTTPResponse.Status, _ message: String) {
        self.status = status
        self.message = message
    }

    var response: Response {
        get throws { try Envelope.response("error", message, .null, status: status) }
    }

    static let noTransaction = FlutterwaveError(.badRequest, "No transaction was found for this id")

    /// What a fault says in Flutterwave's words; nil when it is no refusal.
    init?(_ kind: Fault.Kind) {
        switch kind {
        case .unauthorized: self.init(.unauthorized, "Invalid authorization key")
        case .rateLimited: self.init(.tooManyRequests, "Too many requests")
        case .serverError: self.init(.internalServerError, "An error occurred. Please contact support")
        case .unavailable, .verifyDown: self.init(.serviceUnavailable, "Service unavailable")
        default: return nil
        }
    }
}

/// `{"status", "message", "data"}`, around every answer. Its status says whether the *request* worked, not the payment.
enum Envelope {
    static func success(_ message: String, _ data: JSONValue) throws -> Response {
        try response("success", message, data, status: .ok)
    }

    fileprivate static func response(
        _ status: String, _ message: String, _ data: JSONValue, status code: HTTPResponse.Status
    ) throws -> Response {
        try .json(["status": .string(status), "message": .string(message), "data": data] as JSONValue, status: code)
    }
}
