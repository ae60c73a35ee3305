import FunctionCore
import HTTPTypes
import Problems

/// What goes wrong while signing up or in, under GoTrue's own codes.
extension Problem.Kind {
    static let badJSON = Self("bad_json", .badRequest, "Could not parse request body as JSON")
    static let invalidRequest = Self("validation_failed", .badRequest, "The request is not valid")
    static let invalidCredentials = Self("invalid_credentials", .badRequest, "Invalid login credentials")
    static let emailNotConfirmed = Self("email_not_confirmed", .badRequest, "Email not confirmed")
    static let userBanned = Self("user_banned", .badRequest, "User is banned")
    static let unsupportedGrant = Self("unsupported_grant_type", .badRequest, "Unsupported grant type")
    static let refreshTokenNotFound = Self(
        "refresh_token_not_found", .badRequest, "Invalid Refresh Token: Refresh Token Not Found")
    static let refreshTokenAlreadyUsed = Self(
        "refresh_token_already_used", .badRequest, "Invalid Refresh Token: Already Used")
    static let sessionExpired = Self("session_expired", .badRequest, "Invalid Refresh Token: Session Expired")
    static let noAuthorization = Self(
        "no_authorization", .unauthorized, "This endpoint requires a valid Bearer token")
    static let badJWT = Self("bad_jwt", .forbidden, "invalid JWT")
    static let sessionNotFound = Self(
        "session_not_found", .forbidden, "Session from session_id claim in JWT does not exist")
    static let userNotFound = Self("user_not_found", .forbidden, "User from sub claim in JWT does not exist")
    static let userAlreadyExists = Self("user_already_exists", .unprocessableContent, "User already registered")
    static let weakPassword = Self("weak_password", .unprocessableContent, "Password is too weak")
    static let signUpDisabled = Self("signup_disabled", .unprocessableContent, "Signups not allowed for this instance")
}

/// Problems below /auth/v1, in the shapes that GoTrue's clients read: by `X-Supabase-Api-Version` either
/// `{"code":"…","message":"…"}` or, without it, `{"code":400,"error_code":"…","msg":"…"}`.
public enum GoTrueProblem {
    /// For ``Application/Configuration/problemBodies``.
    public static let body = Application.ProblemBody(prefix: "/auth/v1", render: render)

    private static let apiVersion = HTTPField.Name("X-Supabase-Api-Version")!
    private static let errorCode = HTTPField.Name("x-sb-error-code")!
    /// From this version on errors have the shorter shape.
    private static let firstVersion = "2024-01-01"

    static func render(_ problem: Problem, _ head: RequestHead, _ id: RequestID) -> Response {
        let kind = kind(of: problem, head)
        let message = problem.detail ?? kind.title
        var fields = problem.fields
        fields[.contentType] = "application/json"
        fields[errorCode] = kind.code
        var json = JSONText()
        if let version = head.fields[apiVersion], version >= firstVersion {
            fields[apiVersion] = firstVersion
            json.member("code", kind.code)
            json.member("message", message)
        } else {
            json.member("code", kind.status.code)
            json.member("error_code", kind.code)
            json.member("msg", message)
            if kind.status.kind == .serverError { json.member("error_id", id.description) }
        }
        if kind == .weakPassword { json.member("weak_password", json: #"{"reasons":["length"]}"#) }
        return Response(status: kind.status, fields: fields, body: .bytes(Array(json.object.utf8)))
    }

    /// GoTrue tells a missing token (401) from one that is not good (403), and calls our own faults by one name.
    private static func kind(of problem: Problem, _ head: RequestHead) -> Problem.Kind {
        switch problem.kind {
        case .unauthorized: head.fields[.authorization] == nil ? .noAuthorization : .badJWT
        case .rateLimited: .init("over_request_rate_limit", problem.kind.status, problem.kind.title)
        case .internal: .init("unexpected_failure", .internalServerError, problem.kind.title)
        default: problem.kind
        }
    }
}
