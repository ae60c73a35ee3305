import FoundationEssentials
import FunctionCore

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

    private struct Body: Decodable {
        let email: String?
        let password: String?
    }

    /// - Throws: ``Problem`` 400 `bad_json`, or `validation_failed` when there is no e-mail or password.
    init(_ request: Request) throws {
        let body = try request.decodeGoTrue(Body.self)
        email = (body.email ?? "").lowercased().filter { !$0.isWhitespace }
        password = body.password ?? ""
        data = try request.userMetadata(limit: Self.largestData)
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

    private struct Body: Decodable {
        let token: String?
        enum CodingKeys: String, CodingKey { case token = "refresh_token" }
    }

    init(_ request: Request) throws {
        guard let text = try request.decodeGoTrue(Body.self).token, !text.isEmpty else {
            throw Problem(.invalidRequest, "refresh_token required")
        }
        guard text.utf8.count <= RefreshToken.maximumLength else { throw Problem(.refreshTokenNotFound) }
        token = RefreshToken(text: text)
    }
}

extension Request {
    /// GoTrue does not ask for a Content-Type.
    fileprivate func decodeGoTrue<Body: Decodable>(_ type: Body.Type) throws -> Body {
        do {
            return try JSONDecoder().decode(Body.self, from: Data(body))
        } catch {
            throw Problem(.badJSON)
        }
    }

    /// The member `data` of the body as JSON again, `{}` when there is none.
    fileprivate func userMetadata(limit: Int) throws -> String {
        guard let object = try? JSONDecoder().decode(Metadata.self, from: Data(body)).data, !object.isEmpty else {
            return "{}"
        }
        // Postgres's jsonb knows no NUL.
        guard !object.contains(where: { ($0.key + $0.value).utf8.contains(0) }) else {
            throw Problem(.invalidRequest, "data has a NUL character")
        }
        let json = try JSONEncoder().encode(object)
        guard json.count <= limit else { throw Problem(.invalidRequest, "data is larger than \(limit) bytes") }
        return String(decoding: json, as: UTF8.self)
    }
}

/// `user_metadata` that a person may set: names and short texts. Deeper JSON is not kept.
private struct Metadata: Decodable {
    let data: [String: String]
}
