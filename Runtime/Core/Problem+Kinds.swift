import HTTPTypes

/// Every problem that the runtime itself can answer with. docs/errors.md lists them for callers.
extension Problem.Kind {
    public static let malformedRequest = Self("malformed_request", .badRequest, "The request could not be read")
    public static let invalidPath = Self("invalid_path", .badRequest, "The path is malformed")
    public static let invalidContentLength = Self(
        "invalid_content_length", .badRequest, "Content-Length is not a number")
    public static let incompleteBody = Self("incomplete_body", .badRequest, "The body ended before Content-Length")
    public static let malformedJSON = Self("malformed_json", .badRequest, "The body is not valid JSON")
    public static let notFound = Self("not_found", .notFound, "There is nothing here")
    public static let methodNotAllowed = Self(
        "method_not_allowed", .methodNotAllowed, "This path does not take this method")
    public static let requestTimeout = Self("request_timeout", .requestTimeout, "The request did not arrive in time")
    public static let lengthRequired = Self("length_required", .lengthRequired, "The body's length must be declared")
    public static let bodyTooLarge = Self("body_too_large", .contentTooLarge, "The body is larger than this path takes")
    public static let uriTooLong = Self("uri_too_long", .uriTooLong, "The path and query are too long")
    public static let notJSON = Self(
        "unsupported_media_type", .unsupportedMediaType, "The body must be application/json")
    public static let validationFailed = Self("validation_failed", .unprocessableContent, "The input is not acceptable")
    public static let headersTooLarge = Self(
        "headers_too_large", .requestHeaderFieldsTooLarge, "The header fields are too large")
    public static let `internal` = Self("internal", .internalServerError, "Something went wrong on our side")
    public static let overloaded = Self(
        "overloaded", .serviceUnavailable, "Too many requests are being answered right now")
    public static let stopping = Self("stopping", .serviceUnavailable, "The server is about to stop")
    public static let deadlineExceeded = Self(
        "deadline_exceeded", .serviceUnavailable, "The answer took too long and was given up")
    public static let clientClosedRequest = Self(
        "client_closed_request", .init(code: 499, reasonPhrase: "Client Closed Request"), "The caller left")
}
