import Crypto
import FoundationEssentials
import FunctionCore

extension World.Agent {
    /// An access token of the agent's person, as Supabase signs it (HS256, RFC 7515 appendix A.1), good for a day.
    var token: String {
        let now = Int(Date().timeIntervalSince1970)
        let payload = """
            {"iss":"http://127.0.0.1/auth/v1","sub":"\(person)","aud":"authenticated","exp":\(now + 86_400),\
            "iat":\(now),"role":"authenticated","session_id":"7a3c8a4e-0a44-4f0e-9d53-3a3d3d0f6a51"}
            """
        let signed =
            Self.base64URL(Data(#"{"alg":"HS256","typ":"JWT"}"#.utf8)) + "." + Self.base64URL(Data(payload.utf8))
        let key = SymmetricKey(data: Data(World.secret.utf8))
        return signed + "." + Self.base64URL(Data(HMAC<SHA256>.authenticationCode(for: Data(signed.utf8), using: key)))
    }

    private static func base64URL(_ data: Data) -> String {
        data.base64EncodedString()
            .map { character -> String in
                switch character {
                case "+": "-"
                case "/": "_"
                case "=": ""
                default: String(character)
                }
            }.joined()
    }
}
