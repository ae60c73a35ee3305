import Callers
import Crypto
import FoundationEssentials
import FunctionCore
import HTTPTypes
import JWTKit
import Problems
import Synchronization
import Testing

/// Access tokens, good and bad.
@Suite struct TokenVerifierTests {
    static let secret = "a secret of at least thirty-two bytes"
    static let issuer = "https://calls.example/auth/v1"
    static let subject = "5B1F2C7E-0000-4000-8000-0000000000AA"

    /// Claims as Supabase writes them, with changes.
    static func claims(_ changes: [String: String?] = [:]) -> String {
        var members: [String: String] = [
            "iss": "\"\(issuer)\"", "sub": "\"\(subject)\"", "aud": "\"authenticated\"", "role": "\"authenticated\"",
            "exp": "\(Int(Date().timeIntervalSince1970) + 600)", "email": "\"a@example.com\"",
            "session_id": "\"6b1f2c7e-0000-4000-8000-0000000000aa\"",
        ]
        for (name, value) in changes { members[name] = value }
        return "{" + members.map { "\"\($0.key)\":\($0.value)" }.joined(separator: ",") + "}"
    }

    static func base64URL(_ bytes: some Sequence<UInt8>) -> String {
        Data(bytes).base64EncodedString().replacing("+", with: "-").replacing("/", with: "_").replacing("=", with: "")
    }

    /// A token signed by HMAC-SHA256 whatever its header says.
    static func token(
        header: String = #"{"alg":"HS256","typ":"JWT"}"#, claims: String = claims(), secret: String = secret
    ) -> String {
        let signed = base64URL(header.utf8) + "." + base64URL(claims.utf8)
        let code = HMAC<SHA256>.authenticationCode(
            for: Array(signed.utf8), using: SymmetricKey(data: Array(secret.utf8)))
        return signed + "." + base64URL(code)
    }

    private func verifier(_ keys: PublishedKeys? = nil, secret: String? = Self.secret) async -> TokenVerifier {
        await TokenVerifier(.init(secret: secret, issuer: Self.issuer), publishedKeys: keys)
    }

    @Test("a good token gives the user, and claims of what was verified alone")
    func good() async throws {
        let token = Self.token(claims: Self.claims(["user_metadata": #"{"role":"owner"}"#]))
        let user = try await verifier().verify(token, deadline: .now + .seconds(5))
        #expect(user.id == Self.subject.lowercased())
        #expect(user.email == "a@example.com")
        #expect(
            user.claims == #"{"sub":"5b1f2c7e-0000-4000-8000-0000000000aa","role":"authenticated","#
                + #""email":"a@example.com","session_id":"6b1f2c7e-0000-4000-8000-0000000000aa"}"#)
    }

    @Test("an audience may be a list")
    func audienceList() async throws {
        let token = Self.token(claims: Self.claims(["aud": #"["x","authenticated"]"#]))
        _ = try await verifier().verify(token, deadline: .now + .seconds(5))
    }

    static let past = Int(Date().timeIntervalSince1970) - 3_600
    static let future = Int(Date().timeIntervalSince1970) + 3_600
    static let bad: [(String, String)] = [
        ("no token", ""),
        ("two parts", "a.b"),
        ("four parts", token() + ".x"),
        ("not base64url", "!!!.###.$$$"),
        ("another secret", token(secret: "another secret of at least 32 bytes")),
        ("algorithm none, no signature", base64URL(#"{"alg":"none"}"#.utf8) + "." + base64URL(claims().utf8) + "."),
        ("algorithm none in other letters", token(header: #"{"alg":"nOnE"}"#)),
        ("algorithm HS512 over an HS256 signature", token(header: #"{"alg":"HS512"}"#)),
        ("algorithm RS256 over an HMAC", token(header: #"{"alg":"RS256","kid":"k"}"#)),
        ("an extension that must be understood", token(header: #"{"alg":"HS256","crit":["b64"],"b64":false}"#)),
        ("no algorithm", token(header: #"{"typ":"JWT"}"#)),
        ("expired", token(claims: claims(["exp": "\(past)"]))),
        ("no expiry", token(claims: claims(["exp": nil]))),
        ("expiry as text", token(claims: claims(["exp": "\"\(future)\""]))),
        ("not yet valid", token(claims: claims(["nbf": "\(future)"]))),
        ("another audience", token(claims: claims(["aud": "\"other\""]))),
        ("an empty list of audiences", token(claims: claims(["aud": "[]"]))),
        ("an audience that is a number", token(claims: claims(["aud": "[1]"]))),
        ("no audience", token(claims: claims(["aud": nil]))),
        ("another issuer", token(claims: claims(["iss": "\"https://evil.example\""]))),
        ("no issuer", token(claims: claims(["iss": nil]))),
        ("the anonymous key's role", token(claims: claims(["role": "\"anon\""]))),
        ("the service key's role", token(claims: claims(["role": "\"service_role\""]))),
        ("no role", token(claims: claims(["role": nil]))),
        ("a subject that is no UUID", token(claims: claims(["sub": "\"root\""]))),
        ("no subject", token(claims: claims(["sub": nil]))),
        ("an e-mail with a NUL", token(claims: claims(["email": #""a\u0000@example.com""#]))),
        ("claims that are a list", token(claims: "[]")),
        ("too long", token(claims: claims(["email": "\"\(String(repeating: "x", count: 9_000))\""]))),
        (
            "a changed payload",
            {
                var parts = token().split(separator: ".").map(String.init)
                parts[1] = base64URL(claims(["email": "\"b@example.com\""]).utf8)
                return parts.joined(separator: ".")
            }()
        ),
        ("a truncated signature", String(token().dropLast(4))),
    ]

    @Test("a token that is not good is 401 and nothing more", arguments: bad.map(\.0))
    func refused(_ name: String) async throws {
        let token = try #require(Self.bad.first { $0.0 == name }?.1)
        let problem = await #expect(throws: Problem.self) {
            try await verifier().verify(token, deadline: .now + .seconds(5))
        }
        #expect(problem?.kind == .unauthorized)
        #expect(problem?.detail == nil)
    }

    @Test("without a secret no HMAC is good")
    func noSecret() async {
        await #expect(throws: Problem.self) {
            try await verifier(secret: nil).verify(Self.token(), deadline: .now + .seconds(5))
        }
    }

    @Test("a published ES256 key verifies its own algorithm, and no HMAC made with it")
    func publishedKey() async throws {
        let key = P256.Signing.PrivateKey()
        let keys = PublishedKeys { _ in Self.keySet(["k1": key]) }
        let verifier = await verifier(keys, secret: nil)
        let good = try Self.signed(by: key, kid: "k1")
        #expect(try await verifier.verify(good, deadline: .now + .seconds(5)).id == Self.subject.lowercased())

        // The classic confusion: the public key, which everybody knows, used as a secret.
        let forged = Self.token(header: #"{"alg":"HS256","kid":"k1"}"#, secret: key.publicKey.pemRepresentation)
        await #expect(throws: Problem.self) { try await verifier.verify(forged, deadline: .now + .seconds(5)) }
        let other = try Self.signed(by: P256.Signing.PrivateKey(), kid: "k1")
        await #expect(throws: Problem.self) { try await verifier.verify(other, deadline: .now + .seconds(5)) }
    }

    @Test("an unknown key id reads the keys again, at most once a minute")
    func unknownKeyID() async throws {
        let key = P256.Signing.PrivateKey()
        let fetches = Counter()
        let keys = PublishedKeys { _ in
            fetches.add()
            return Self.keySet(["k1": key])
        }
        let verifier = await verifier(keys, secret: nil)
        for kid in ["k2", "k3", "k4"] {
            let token = try Self.signed(by: key, kid: kid)
            await #expect(throws: Problem.self) { try await verifier.verify(token, deadline: .now + .seconds(5)) }
        }
        #expect(fetches.value == 1)
    }

    @Test("keys that cannot be read are 503, not 401")
    func keysUnavailable() async throws {
        let verifier = await verifier(PublishedKeys { _ in throw CancellationError() }, secret: nil)
        let token = try Self.signed(by: P256.Signing.PrivateKey(), kid: "k1")
        let problem = await #expect(throws: Problem.self) {
            try await verifier.verify(token, deadline: .now + .seconds(5))
        }
        #expect(problem?.kind == .providerUnavailable)
    }

    private static func signed(by key: P256.Signing.PrivateKey, kid: String) throws -> String {
        let text = base64URL(#"{"alg":"ES256","kid":"\#(kid)"}"#.utf8) + "." + base64URL(claims().utf8)
        return text + "." + base64URL(try key.signature(for: Array(text.utf8)).rawRepresentation)
    }

    private static func keySet(_ keys: [String: P256.Signing.PrivateKey]) -> [UInt8] {
        let members = keys.map { kid, key in
            let point = Array(key.publicKey.rawRepresentation)
            return #"{"kty":"EC","crv":"P-256","kid":"\#(kid)","use":"sig","x":"\#(base64URL(point[..<32]))","#
                + #""y":"\#(base64URL(point[32...]))"}"#
        }
        return Array("{\"keys\":[\(members.joined(separator: ","))]}".utf8)
    }

    private final class Counter: Sendable {
        private let count = Mutex(0)
        func add() { count.withLock { $0 += 1 } }
        var value: Int { count.withLock { $0 } }
    }
}
