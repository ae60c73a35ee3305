import Crypto
import FoundationEssentials
import FunctionCore
import FunctionJSON
import JWTKit
import Problems
import Synchronization

/// Verifies Supabase access tokens (JWT, RFC 7519) and remembers the verified ones until they expire.
///
/// An algorithm belongs to a key, never to a token: HS256 is tried with the configured secret only, and a key of the
/// project's JWKS only with the one algorithm it was published for.
public final class TokenVerifier: Sendable {
    public struct Configuration: Sendable {
        /// The HS256 secret, used as its UTF-8 bytes.
        public var secret: String?
        /// What `iss` must be; nil takes any.
        public var issuer: String?
        /// What `aud` must contain.
        public var audience: String
        /// How far clocks may differ, in seconds, at `exp`, `nbf` and `iat`.
        public var leeway: Double

        public init(secret: String?, issuer: String?, audience: String = "authenticated", leeway: Double = 10) {
            self.secret = secret
            self.issuer = issuer
            self.audience = audience
            self.leeway = leeway
        }
    }

    /// Longest token looked at, in bytes.
    static let maximumLength = 8_192
    /// Verified tokens remembered; beyond it all are forgotten and verified again.
    static let maximumRemembered = 10_000

    private struct Verified {
        let user: User
        let expires: Double
    }

    private let configuration: Configuration
    private let secretKey: JWTKeyCollection
    private let publishedKeys: PublishedKeys?
    private let remembered = Mutex<[SHA256Digest: Verified]>([:])

    /// - Parameter publishedKeys: where the project's public keys are read; nil where only the secret counts.
    public init(_ configuration: Configuration, publishedKeys: PublishedKeys?) async {
        self.configuration = configuration
        self.publishedKeys = publishedKeys
        secretKey = JWTKeyCollection()
        if let secret = configuration.secret {
            await secretKey.add(hmac: HMACKey(from: secret), digestAlgorithm: .sha256)
        }
    }

    /// - Throws: ``Problem`` 401 for whatever is wrong with the token, never saying what; 503 when the keys that it
    ///   needs cannot be read.
    public func verify(_ token: String) async throws -> User {
        let bytes = Array(token.utf8)
        guard bytes.count <= Self.maximumLength else { throw Problem.unauthorized }
        let digest = SHA256.hash(data: bytes)
        let now = Date().timeIntervalSince1970
        if let known = remembered.withLock({ $0[digest] }), known.expires > now { return known.user }
        let claims = try await claims(of: bytes)
        let user = try user(of: claims, at: now)
        remembered.withLock { remembered in
            if remembered.count >= Self.maximumRemembered { remembered.removeAll() }
            remembered[digest] = Verified(user: user, expires: claims.exp.value.timeIntervalSince1970)
        }
        return user
    }

    private func claims(of token: [UInt8]) async throws -> AccessToken {
        let parts = token.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        guard parts.count == 3, let header = Self.object(parts[0]), Self.object(parts[1]) != nil,
            let fields = try? JSONDecoder().decode(Header.self, from: header),
            // Extensions that must be understood (RFC 7515 §4.1.11): we know none.
            fields.crit == nil
        else { throw Problem.unauthorized }
        let keys: JWTKeyCollection
        if fields.alg == "HS256", configuration.secret != nil {
            keys = secretKey
        } else if let kid = fields.kid, let publishedKeys,
            let published = try await publishedKeys.keys(for: kid, algorithm: fields.alg)
        {
            keys = published
        } else {
            throw Problem.unauthorized
        }
        do {
            return try await keys.verify(token, as: AccessToken.self)
        } catch {
            throw Problem.unauthorized
        }
    }

    /// The bytes of a JSON object. Where a member is there twice, which of the two counts depends on who reads it, so
    /// such an object is none (RFC 7519 §4, RFC 8725 §2.4).
    private static func object(_ part: some Collection<UInt8>) -> Data? {
        guard let data = Data(base64URL: part), case .object? = try? JSONValue(parsing: Array(data)) else { return nil }
        return data
    }

    private func user(of claims: AccessToken, at now: Double) throws -> User {
        guard claims.exp.value.timeIntervalSince1970 + configuration.leeway > now,
            (claims.nbf?.value.timeIntervalSince1970 ?? now) - configuration.leeway <= now,
            (claims.iat?.value.timeIntervalSince1970 ?? now) - configuration.leeway <= now,
            claims.aud.names.contains(configuration.audience),
            configuration.issuer == nil || claims.iss == configuration.issuer,
            claims.role == "authenticated", let id = UUID(uuidString: claims.sub),
            // Postgres cannot read claims with a NUL in them.
            claims.email?.utf8.contains(0) != true
        else { throw Problem.unauthorized }
        var claims = claims
        claims.sub = id.uuidString.lowercased()
        claims.sessionID = claims.sessionID.flatMap { UUID(uuidString: $0)?.uuidString.lowercased() }
        return User(
            id: claims.sub, email: claims.email, sessionID: claims.sessionID, claims: claims.databaseClaims,
            workspace: nil)
    }

    private struct Header: Decodable {
        let alg: String
        let kid: String?
        let crit: [String]?
    }
}

extension Data {
    /// Base64url without padding (RFC 7515 §2); nil for anything else.
    init?(base64URL bytes: some Collection<UInt8>) {
        var base64 = bytes.map { byte -> UInt8 in
            switch byte {
            case UInt8(ascii: "-"): UInt8(ascii: "+")
            case UInt8(ascii: "_"): UInt8(ascii: "/")
            default: byte
            }
        }
        base64 += [UInt8](repeating: UInt8(ascii: "="), count: (4 - base64.count % 4) % 4)
        self.init(base64Encoded: Data(base64))
    }
}
