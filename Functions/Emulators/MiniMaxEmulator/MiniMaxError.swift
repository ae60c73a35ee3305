import EmulatorControl
import FunctionCore
import FunctionJSON
import HTTPTypes

/// A refusal as MiniMax writes it: `base_resp` with a code other than 0, under HTTP 200 in nearly every case
/// (platform.minimax.io/docs/api-reference/errorcode).
struct MiniMaxError: Error {
    var code: Int
    var message: String
    /// Whether `data` is there, as null. MiniMax leaves it out where it never looked at the body.
    var showsData = true

    init(_ code: Int, _ message: String? = nil, showsData: Bool = true) {
        self.code = code
        self.message = message ?? Self.messages[code] ?? "unknown error"
        self.showsData = showsData
    }

    static func invalid(_ what: String) -> MiniMaxError { MiniMaxError(2013, "invalid params, \(what)") }

    private static let messages = [
        1000: "unknown error", 1001: "request timeout", 1002: "rate limit exceeded(RPM)",
        1004: "login fail: Please carry the API secret key in the 'Authorization' field of the request header",
        1008: "insufficient balance", 1024: "internal error", 1026: "input new_sensitive", 1027: "output new_sensitive",
        1033: "downstream error", 1039: "rate limit exceeded(TPM)", 1041: "conn limit",
        1042: "input contains too many invisible or illegal characters", 2042: "you don't have access to this voice_id",
        2045: "rate growth limit", 2049: "invalid api key", 2054: "voice id not exist", 2056: "usage limit exceeded",
        20132: "invalid samples or voice_id",
    ]

    func json(traceID: String) -> JSONValue {
        let json: JSONValue = ["trace_id": .string(traceID), "base_resp": Self.baseResp(code, message)]
        return showsData ? json.with("data", .null) : json
    }

    static func baseResp(_ code: Int = 0, _ message: String = "success") -> JSONValue {
        ["status_code": JSONValue(code), "status_msg": .string(message)]
    }

    /// What a fault says in MiniMax's words, and under which HTTP status; nil when it is no refusal.
    static func refusal(_ fault: Fault) -> (MiniMaxError, HTTPResponse.Status)? {
        switch fault.kind {
        case .unauthorized: (MiniMaxError(2049, showsData: false), .ok)
        case .rateLimited: (MiniMaxError(1002), .ok)
        case .tokenLimit: (MiniMaxError(1039), .ok)
        case .baseResp: (MiniMaxError(fault.code ?? 1000), .ok)
        case .serverError: (MiniMaxError(1024), .internalServerError)
        case .unavailable: (MiniMaxError(1033), .serviceUnavailable)
        default: nil
        }
    }
}
