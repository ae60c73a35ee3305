import EmulatorControl
import FunctionCore
import FunctionJSON
import HTTPTypes

/// An error as OpenAI writes it: all four keys, always (openapi.yaml, `Error`).
struct OpenAIError: Error {
    var status: HTTPResponse.Status
    var message: String
    var type = "invalid_request_error"
    var param: String?
    var code: String?

    var json: JSONValue {
        [
            "error": [
                "message": .string(message), "type": .string(type), "param": JSONValue(param), "code": JSONValue(code),
            ]
        ]
    }

    static func invalid(_ param: String?, _ code: String?, _ message: String) -> OpenAIError {
        OpenAIError(status: .badRequest, message: message, param: param, code: code)
    }

    static let noKey = OpenAIError(
        status: .unauthorized,
        message: "You didn't provide an API key. You need to provide your API key in an Authorization header using "
            + "Bearer auth (i.e. Authorization: Bearer YOUR_KEY).")

    static let wrongKey = OpenAIError(
        status: .unauthorized, message: "Incorrect API key provided.", code: "invalid_api_key")

    static let rateLimited = OpenAIError(
        status: .tooManyRequests,
        message: "Rate limit reached for requests. Limit 3, Used 3, Requested 1. Please try again in 20s.",
        type: "requests", code: "rate_limit_exceeded")

    static let insufficientQuota = OpenAIError(
        status: .tooManyRequests,
        message: "You exceeded your current quota, please check your plan and billing details.",
        type: "insufficient_quota", code: "insufficient_quota")

    static let serverError = OpenAIError(
        status: .internalServerError,
        message: "The server had an error while processing your request. Sorry about that!", type: "server_error")

    static let overloaded = OpenAIError(
        status: .serviceUnavailable, message: "The engine is currently overloaded, please try again later.",
        type: "server_error", code: "engine_overloaded")

    /// What a fault says in OpenAI's words; nil when it is no refusal.
    init?(_ kind: Fault.Kind) {
        switch kind {
        case .unauthorized: self = .wrongKey
        case .rateLimited: self = .rateLimited
        case .insufficientQuota: self = .insufficientQuota
        case .serverError: self = .serverError
        case .unavailable: self = .overloaded
        default: return nil
        }
    }

    init(
        status: HTTPResponse.Status, message: String, type: String = "invalid_request_error", param: String? = nil,
        code: String? = nil
    ) {
        self.status = status
        self.message = message
        self.type = type
        self.param = param
        self.code = code
    }
}
