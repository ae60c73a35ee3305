import FunctionCore
import HTTPTypes

/// Every problem that is about the product rather than about HTTP. docs/errors.md lists them for callers, together with
/// the runtime's own.
extension Problem.Kind {
    public static let unauthorized = Self(
        "unauthorized", .unauthorized, "Say who you are: the credentials are missing or not valid")
    public static let invalidSignature = Self(
        "invalid_signature", .unauthorized, "The webhook's signature is missing or not valid")
    public static let quotaExceeded = Self("quota_exceeded", .paymentRequired, "No minutes are left")
    public static let subscriptionExpired = Self(
        "subscription_expired", .paymentRequired, "The paid period is over")
    public static let forbidden = Self("forbidden", .forbidden, "This is not yours to use")
    public static let crossSiteRequest = Self(
        "cross_site_request", .forbidden, "A page of another origin may not do this with your cookies")
    public static let invalidAudioLink = Self("invalid_audio_link", .forbidden, "The link is not valid, or has expired")
    public static let audioGone = Self("audio_gone", .gone, "The recording has been deleted")
    public static let rangeNotSatisfiable = Self(
        "range_not_satisfiable", .rangeNotSatisfiable, "The range lies beyond the recording's end")
    public static let unknownConversation = Self(
        "unknown_conversation", .unprocessableContent, "There is no such conversation, or it has expired")
    public static let idempotencyConflict = Self(
        "idempotency_conflict", .unprocessableContent, "This Idempotency-Key was sent with another request")
    public static let idempotencyRunning = Self(
        "idempotency_running", .conflict, "The request with this Idempotency-Key is still being answered")
    public static let rateLimited = Self("rate_limited", .tooManyRequests, "Too many requests of late")
    public static let tooManyAtOnce = Self(
        "too_many_at_once", .tooManyRequests, "Too many replies of this agent are being made right now")
    public static let providerFailed = Self(
        "provider_failed", .badGateway, "A service that we depend on answered wrongly")
    public static let providerUnavailable = Self(
        "provider_unavailable", .serviceUnavailable, "A service that we depend on is not available")
    public static let databaseUnavailable = Self(
        "database_unavailable", .serviceUnavailable, "The database is not available")
    public static let storageUnavailable = Self(
        "storage_unavailable", .serviceUnavailable, "The recording could not be stored")
    public static let notConfigured = Self("not_configured", .serviceUnavailable, "This is not set up on this server")
}

extension HTTPResponse.Status {
    static let paymentRequired = HTTPResponse.Status(code: 402, reasonPhrase: "Payment Required")
}

extension Problem {
    /// What claiming an idempotency key came to.
    ///
    /// - Parameter outcome: as SQL says it; nil for any other.
    public static func idempotency(_ outcome: String) -> Problem? {
        switch outcome {
        case Kind.idempotencyConflict.code: Problem(.idempotencyConflict)
        case Kind.idempotencyRunning.code: Problem(.idempotencyRunning, fields: [.retryAfter: "2"])
        default: nil
        }
    }

    /// 401 with the challenge that RFC 9110 §11.6.1 asks for.
    public static let unauthorized = Problem(.unauthorized, fields: [.wwwAuthenticate: "Bearer"])
}
