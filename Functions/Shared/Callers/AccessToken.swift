import FoundationEssentials
import FunctionCore
import JWTKit

/// The claims of a Supabase access token that we read. Everything else in it, `user_metadata` above all, is the user's
/// own to write and decides nothing here.
struct AccessToken: JWTPayload {
    var iss: String?
    var sub: String
    var aud: Audience
    var exp: ExpirationClaim
    var nbf: NotBeforeClaim?
    var iat: IssuedAtClaim?
    var email: String?
    var role: String
    var sessionID: String?

    enum CodingKeys: String, CodingKey {
        case iss, sub, aud, exp, nbf, iat, email, role
        case sessionID = "session_id"
    }

    /// Whom a token is for: one name or a list of them (RFC 7519 §4.1.3). JWTKit's own claim ends the process when the
    /// list is empty.
    struct Audience: Codable {
        let names: [String]

        init(from decoder: any Decoder) throws {
            let container = try decoder.singleValueContainer()
            if let name = try? container.decode(String.self) {
                names = [name]
            } else {
                names = try container.decode([String].self)
            }
        }

        func encode(to encoder: any Encoder) throws {
            var container = encoder.singleValueContainer()
            try container.encode(names)
        }
    }

    /// What does not depend on this server's settings; ``TokenVerifier`` checks the rest.
    func verify(using algorithm: some JWTAlgorithm) throws {}

    /// The claims for `request.jwt.claims`: only what was verified, each name once.
    var databaseClaims: String {
        var json = JSONText()
        json.member("sub", sub)
        json.member("role", "authenticated")
        if let email { json.member("email", email) }
        if let sessionID { json.member("session_id", sessionID) }
        return json.object
    }
}
