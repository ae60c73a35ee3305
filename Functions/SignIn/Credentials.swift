import FunctionCore
import FunctionJSON

/// What a person types to sign up or in.
struct Credentials: Sendable {
    /// Fewest characters of a new password.
    static let shortestPassword = 6
    /// bcrypt looks at no more than this many bytes, so a longer password would be less than it seems.
    static let longestPassword = 72
    static let longestEmail = 254
    /// Longest `data`, in bytes of JSON.
    static let largestData = 4_096

    private let email: String
    private let password: String
    /// `user_metadata` to begin with: a JSON object.
    let data: String

    /// - Throws: ``Problem`` 400 `bad_json`, or `validation_failed` for `data` that is no object or too large.
    init(_ request: Request) throws {
        let body = try request.goTrueBody()
        email = (body["email"]?.text ?? "").lowercased().filter { !$0.isWhitespace }
        password = body["password"]?.text ?? ""
        data = try Self.metadata(body["data"])
    }

    /// - Throws: ``Problem`` with what GoTrue says to each: 400 for an e-mail that is none, 422 `weak_password`.
    func forSignUp() throws -> (email: String, password: String) {
        guard !password.isEmpty else { throw Problem(.invalidRequest, "Signup requires a valid password") }
        guard isEmail, !password.utf8.contains(0) else {
            throw Problem(.invalidRequest, "Unable to validate email address: invalid format")
        }
        guard password.utf8.count <= Self.longestPassword else {
            throw Problem(.invalidRequest, "Password cannot be longer than \(Self.longestPassword) bytes")
        }
        guard password.count >= Self.shortestPassword else {
            throw Problem(.weakPassword, "Password should be at least \(Self.shortestPassword) characters.")
        }
        return (email, password)
    }

    /// What cannot be an account's is wrong like any other password.
    func forSignIn() throws -> (email: String, password: String) {
        guard isEmail, !password.isEmpty, password.utf8.count <= Self.longestPassword, !password.utf8.contains(0) else {
            throw Problem(.invalidCredentials)
        }
        return (email, password)
    }

    /// `user_metadata` as JSON, `{}` when there is none.
    private static func metadata(_ value: JSONValue?) throws -> String {
        guard let value, value != .null else { return "{}" }
        guard case .object = value else { throw Problem(.invalidRequest, "data must be an object") }
        let json = String(decoding: try JSON.encode(value), as: UTF8.self)
        // Postgres's jsonb knows no NUL.
        guard json.utf8.count <= largestData, !json.contains(#"\u0000"#) else {
            throw Problem(.invalidRequest, "data is larger than \(largestData) bytes, or has a NUL character")
        }
        return json
    }

    private var isEmail: Bool {
        let parts = email.split(separator: "@", omittingEmptySubsequences: false)
        return email.utf8.count <= Self.longestEmail && parts.count == 2 && !parts[0].isEmpty
            && parts[1].contains(".") && !parts[1].hasPrefix(".") && !parts[1].hasSuffix(".")
            && email.unicodeScalars.allSatisfy { $0.value > 0x20 && $0.value != 0x7F && $0 != "<" && $0 != ">" }
    }
}

/// The body of `grant_type=refresh_token`.
struct RefreshGrant {
    let token: RefreshToken

    init(_ request: Request) throws {
        guard let text = try request.goTrueBody()["refresh_token"]?.text, !text.isEmpty else {
            throw Problem(.invalidRequest, "refresh_token required")
        }
        guard text.utf8.count <= RefreshToken.maximumLength else { throw Problem(.refreshTokenNotFound) }
        token = RefreshToken(text: text)
    }
}

extension Request {
    /// The body as a JSON object. GoTrue does not ask for a Content-Type.
    fileprivate func goTrueBody() throws -> JSONValue {
        guard let json = try? JSONValue(parsing: body), case .object = json else { throw Problem(.badJSON) }
        return json
    }
}
