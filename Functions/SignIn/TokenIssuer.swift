import FoundationEssentials
import FunctionCore
import HTTPTypes
import JWTKit

/// Signs access tokens with the claims that Supabase's have, HS256.
public struct TokenIssuer: Sendable {
    private let keys: JWTKeyCollection
    private let issuer: String
    /// Seconds.
    private let lifetime: Int

    /// - Parameters:
    ///   - secret: used as its UTF-8 bytes, at least 32 of them.
    ///   - issuer: the `iss` claim.
    ///   - lifetime: seconds that a token is good for.
    public init(secret: String, issuer: String, lifetime: Int) async {
        keys = JWTKeyCollection()
        await keys.add(hmac: HMACKey(from: secret), digestAlgorithm: .sha256)
        self.issuer = issuer
        self.lifetime = lifetime
    }

    /// GoTrue's AccessTokenResponse.
    func response(_ session: AccountStore.Session, _ refresh: RefreshToken) async throws -> Response {
        let user = try JSONDecoder().decode(Subject.self, from: Data(session.userJSON.utf8))
        let now = Int(Date().timeIntervalSince1970)
        let token = try await keys.sign(
            Claims(
                iss: issuer, sub: user.id, aud: "authenticated", exp: now + lifetime, iat: now, email: user.email ?? "",
                phone: "", role: "authenticated", aal: "aal1", amr: [.init(method: "password", timestamp: now)],
                session_id: session.id, is_anonymous: false))
        var json = JSONText()
        json.member("access_token", token)
        json.member("token_type", "bearer")
        json.member("expires_in", lifetime)
        json.member("expires_at", now + lifetime)
        json.member("refresh_token", refresh.text)
        json.member("user", json: session.userJSON)
        return Response(
            status: .ok, fields: [.contentType: "application/json"], body: .bytes(Array(json.object.utf8)))
    }

    private struct Subject: Decodable {
        let id: String
        let email: String?
    }

    /// Named as on the wire.
    private struct Claims: JWTPayload {
        struct Method: Codable { let method: String, timestamp: Int }
        let iss: String, sub: String, aud: String
        let exp: Int, iat: Int
        let email: String, phone: String, role: String, aal: String
        let amr: [Method]
        let session_id: String
        let is_anonymous: Bool

        func verify(using algorithm: some JWTAlgorithm) throws {}
    }
}
