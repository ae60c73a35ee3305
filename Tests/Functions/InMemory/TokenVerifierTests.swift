import Callers
import Crypto
import FoundationEssentials
import FunctionCore
import FunctionTesting
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
            "exp": "\(Int(Date().timeIntervalSince1970) + 86_400)", "email": "\"a@example.com\"",
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
        let user = try await verifier().verify(token)
        #expect(user.id == Self.subject.lowercased())
        #expect(user.email == "a@example.com")
        #expect(
            user.claims == #"{"sub":"5b1f2c7e-0000-4000-8000-0000000000aa","role":"authenticated","#
                + #""email":"a@example.com","session_id":"6b1f2c7e-0000-4000-8000-0000000000aa"}"#)
    }

    @Test("clocks may differ by the seconds that were set", arguments: [("exp", -500), ("nbf", 500), ("iat", 500)])
    func leeway(_ claim: String, _ offset: Int) async throws {
        let token = Self.token(claims: Self.claims([claim: "\(Int(Date().timeIntervalSince1970) + offset)"]))
        func verifier(_ leeway: Double) async -> TokenVerifier {
            await TokenVerifier(.init(secret: Self.secret, issuer: Self.issuer, leeway: leeway), publishedKeys: nil)
        }
        _ = try await verifier(1_000).verify(token)
        await #expect(throws: Problem.self) { try await verifier(0).verify(token) }
    }

    @Test("every flipped bit of a token makes it bad")
    func flippedBits() async throws {
        let verifier = await verifier()
        let token = Array(Self.token().utf8)
        _ = try await verifier.verify(String(decoding: token, as: UTF8.self))
        // The last character of each part has bits that do not count; a flip there may leave the same bytes.
        let ends = Set(token.indices.filter { $0 + 1 == token.endIndex || token[$0 + 1] == UInt8(ascii: ".") })
        for index in token.indices where !ends.contains(index) {
            for bit in [0, 3, 6] {
                var flipped = token
                flipped[index] ^= 1 << UInt8(bit)
                let text = String(decoding: flipped, as: UTF8.self)
                // `-` and `+`, `_` and `/` are one digit in two alphabets.
                guard !"+/".utf8.contains(flipped[index]) else { continue }
                await #expect(throws: Problem.self, "byte \(index), bit \(bit)") { try await verifier.verify(text) }
                Effort.tried(1, "tokens with a flipped bit")
            }
        }
    }

    @Test("an audience may be a list")
    func audienceList() async throws {
        let token = Self.token(claims: Self.claims(["aud": #"["x","authenticated"]"#]))
        _ = try await verifier().verify(token)
    }

    static let now = Int(Date().timeIntervalSince1970)
    /// Good claims, and before them another value for one of them.
    static func twice(_ name: String, _ value: String) -> String { "{\"\(name)\":\(value)," + claims().dropFirst() }
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
        ("no signature", token().split(separator: ".").prefix(2).joined(separator: ".") + "."),
        ("three parts of nothing", ".."),
        ("a NUL behind it", token() + "\0"),
        ("issued in the future", token(claims: claims(["iat": "\(future)"]))),
        ("expired just beyond what clocks may differ", token(claims: claims(["exp": "\(now - 11)"]))),
        ("expiry below zero", token(claims: claims(["exp": "-1"]))),
        ("expiry that is no number", token(claims: claims(["exp": "null"]))),
        ("an issuer that begins like ours", token(claims: claims(["iss": "\"\(issuer)/\""]))),
        ("an issuer in other letters", token(claims: claims(["iss": "\"\(issuer.uppercased())\""]))),
        ("a list of issuers", token(claims: claims(["iss": "[\"\(issuer)\"]"]))),
        ("an audience that begins like ours", token(claims: claims(["aud": "\"authenticated2\""]))),
        ("a role in other letters", token(claims: claims(["role": "\"Authenticated\""]))),
        ("a role twice", token(claims: twice("role", "\"authenticated\""))),
        ("a subject twice", token(claims: twice("sub", "\"6b1f2c7e-0000-4000-8000-0000000000bb\""))),
        ("an expiry twice", token(claims: twice("exp", "\(future)"))),
        ("an algorithm twice", token(header: #"{"alg":"none","alg":"HS256"}"#)),
        ("an algorithm twice, the other way round", token(header: #"{"alg":"HS256","alg":"none"}"#)),
        ("an algorithm in an escape", token(header: #"{"alg":"HS256\u0000"}"#)),
        ("an algorithm that is a list", token(header: #"{"alg":["HS256"]}"#)),
        ("an algorithm with spaces", token(header: #"{"alg":" HS256"}"#)),
        ("algorithm HS256 in other letters", token(header: #"{"alg":"hs256"}"#)),
        ("algorithm none with a good HMAC", token(header: #"{"alg":"none"}"#)),
        ("an empty secret", token(secret: "")),
        ("a header that is a list", token(header: "[]")),
        ("a header that is no JSON", token(header: "HS256")),
        ("a key of its own", token(header: #"{"alg":"HS256","jwk":{"kty":"oct","k":"AA"}}"#, secret: "\0")),
        ("a key id that is a path", token(header: #"{"alg":"RS256","kid":"../../dev/null"}"#, secret: "")),
        ("claims nested too deeply", token(claims: claims(["x": String(repeating: "[", count: 2_000)]))),
        ("claims that end early", token(claims: String(claims().dropLast()))),
        ("an encrypted token's five parts", token() + "." + token()),
    ]

    @Test("a token that is not good is 401 and nothing more", arguments: bad.map(\.0))
    func refused(_ name: String) async throws {
        let token = try #require(Self.bad.first { $0.0 == name }?.1)
        let problem = await #expect(throws: Problem.self) {
            try await verifier().verify(token)
        }
        #expect(problem?.kind == .unauthorized)
        #expect(problem?.detail == nil)
        Effort.tried(1, "tokens that are not good")
    }

    @Test("without a secret no HMAC is good")
    func noSecret() async {
        await #expect(throws: Problem.self) {
            try await verifier(secret: nil).verify(Self.token())
        }
    }

    @Test("a published ES256 key verifies its own algorithm, and no HMAC made with it")
    func publishedKey() async throws {
        let key = P256.Signing.PrivateKey()
        let keys = PublishedKeys { _ in Self.keySet(["k1": key]) }
        let verifier = await verifier(keys, secret: nil)
        let good = try Self.signed(by: key, kid: "k1")
        #expect(try await verifier.verify(good).id == Self.subject.lowercased())

        // The classic confusion: the public key, which everybody knows, used as a secret.
        let forged = Self.token(header: #"{"alg":"HS256","kid":"k1"}"#, secret: key.publicKey.pemRepresentation)
        await #expect(throws: Problem.self) { try await verifier.verify(forged) }
        let other = try Self.signed(by: P256.Signing.PrivateKey(), kid: "k1")
        await #expect(throws: Problem.self) { try await verifier.verify(other) }
    }

    @Test("an unknown key id reads the keys again, at most once a minute")
    func unknownKeyID() async throws {
        let (clock, publisher) = (TestTime(), Publisher())
        publisher.publish(["k1": P256.Signing.PrivateKey()])
        let verifier = await verifier(publisher.keys(clock), secret: nil)
        let fresh = P256.Signing.PrivateKey()
        for kid in ["k2", "k3", "k2"] {
            let token = try Self.signed(by: fresh, kid: kid)
            let problem = await #expect(throws: Problem.self) { try await verifier.verify(token) }
            #expect(problem?.kind == .unauthorized)
        }
        #expect(publisher.fetches == 1)
        publisher.publish(["k2": fresh])
        let token = try Self.signed(by: fresh, kid: "k2")
        clock.advance(by: .seconds(59))
        await #expect(throws: Problem.self) { try await verifier.verify(token) }
        clock.advance(by: .seconds(1))
        _ = try await verifier.verify(token)
        #expect(publisher.fetches == 2)
        let withdrawn = try Self.signed(by: fresh, kid: "k1")
        await #expect(throws: Problem.self, "what is not published any more is no key") {
            try await verifier.verify(withdrawn)
        }
    }

    @Test("many callers with unknown keys wait for one reading")
    func oneReading() async throws {
        let publisher = Publisher()
        publisher.publish(["k1": P256.Signing.PrivateKey()])
        publisher.delay = .milliseconds(50)
        let verifier = await verifier(publisher.keys(TestTime()), secret: nil)
        await withTaskGroup(of: Void.self) { group in
            for index in 0..<50 {
                group.addTask {
                    let token = try? Self.signed(by: P256.Signing.PrivateKey(), kid: "x\(index)")
                    _ = try? await verifier.verify(token ?? "")
                }
            }
        }
        #expect(publisher.fetches == 1)
    }

    @Test("keys that cannot be read are 503, not 401, also for a key that nobody has seen yet")
    func keysUnavailable() async throws {
        let (clock, publisher) = (TestTime(), Publisher())
        let key = P256.Signing.PrivateKey()
        let verifier = await verifier(publisher.keys(clock), secret: nil)
        let known = try Self.signed(by: key, kid: "k1")
        let early = await #expect(throws: Problem.self) { try await verifier.verify(known) }
        #expect(early?.kind == .providerUnavailable)
        publisher.publish(["k1": key])
        clock.advance(by: .seconds(60))
        _ = try await verifier.verify(known)

        publisher.fail()
        clock.advance(by: .seconds(60))
        let unknown = try Self.signed(by: key, kid: "k2")
        for _ in 1...3 {
            let problem = await #expect(throws: Problem.self) { try await verifier.verify(unknown) }
            #expect(problem?.kind == .providerUnavailable)
        }
        #expect(publisher.fetches == 3, "a publisher in trouble is asked once a minute too")
        _ = try await verifier.verify(try Self.signed(by: key, kid: "k1", email: "other@example.com"))
    }

    @Test("old keys are read again in the background, and while that fails are good for a day")
    func background() async throws {
        let (clock, publisher) = (TestTime(), Publisher())
        let key = P256.Signing.PrivateKey()
        publisher.publish(["k1": key])
        let verifier = await verifier(publisher.keys(clock), secret: nil)
        _ = try await verifier.verify(try Self.signed(by: key, kid: "k1", email: "1@example.com"))
        publisher.fail()
        publisher.delay = .seconds(3_600)
        clock.advance(by: .seconds(601))
        _ = try await verifier.verify(try Self.signed(by: key, kid: "k1", email: "2@example.com"))
        publisher.delay = .zero
        let other = Publisher()
        other.publish(["k1": key])
        let impatient = await self.verifier(other.keys(clock), secret: nil)
        _ = try await impatient.verify(try Self.signed(by: key, kid: "k1", email: "3@example.com"))
        other.fail()
        clock.advance(by: .seconds(86_401))
        let late = try Self.signed(by: key, kid: "k1", email: "4@example.com")
        let problem = await #expect(throws: Problem.self) { try await impatient.verify(late) }
        #expect(problem?.kind == .providerUnavailable, "a key that was withdrawn meanwhile must end")
    }

    @Test("a published key that cannot be used is passed over, and the others are good")
    func strangeKeys() async throws {
        let key = P256.Signing.PrivateKey()
        let good = String(decoding: Self.keySet(["k1": key]), as: UTF8.self)
        let strange = [
            #"{"kty":"OKP","crv":"Ed25519","kid":"a","x":"AA"}"#, #"{"kty":"oct","kid":"b","k":"AAAA"}"#,
            #"{"kty":"new","kid":"c"}"#, "7", #"{"kty":"EC","kid":"d"}"#,
            #"{"kty":"RSA","kid":"e","n":"AQAB","e":"AQAB"}"#,
            #"{"kty":"EC","crv":"P-256","kid":"f","use":"enc","x":"AA","y":"AA"}"#,
        ].joined(separator: ",")
        let set = good.replacing(#"{"keys":["#, with: #"{"keys":[\#(strange),"#)
        let verifier = await verifier(PublishedKeys { _ in Array(set.utf8) }, secret: nil)
        _ = try await verifier.verify(try Self.signed(by: key, kid: "k1"))
        for kid in ["a", "b", "c", "d", "e", "f"] {
            let token = try Self.signed(by: key, kid: kid)
            let problem = await #expect(throws: Problem.self) { try await verifier.verify(token) }
            #expect(problem?.kind == .unauthorized)
        }
        // A symmetric key that somebody published is known to everybody.
        let shared = Self.token(header: #"{"alg":"HS256","kid":"b"}"#, secret: "\0\0\0")
        await #expect(throws: Problem.self) { try await verifier.verify(shared) }
    }

    @Test("an answer that is no list of keys is 503", arguments: ["", "[]", "{}", #"{"keys":{}}"#, "<html>"])
    func noKeys(_ answer: String) async throws {
        let verifier = await verifier(PublishedKeys { _ in Array(answer.utf8) }, secret: nil)
        let token = try Self.signed(by: P256.Signing.PrivateKey(), kid: "k1")
        let problem = await #expect(throws: Problem.self) { try await verifier.verify(token) }
        #expect(problem?.kind == .providerUnavailable)
    }

    private static func signed(
        by key: P256.Signing.PrivateKey, kid: String, email: String = "a@example.com"
    ) throws -> String {
        let text =
            base64URL(#"{"alg":"ES256","kid":"\#(kid)"}"#.utf8) + "."
            + base64URL(claims(["email": "\"\(email)\""]).utf8)
        return text + "." + base64URL(try key.signature(for: Array(text.utf8)).rawRepresentation)
    }

    fileprivate static func keySet(_ keys: [String: P256.Signing.PrivateKey]) -> [UInt8] {
        let members = keys.map { kid, key in
            let point = Array(key.publicKey.rawRepresentation)
            return #"{"kty":"EC","crv":"P-256","kid":"\#(kid)","use":"sig","x":"\#(base64URL(point[..<32]))","#
                + #""y":"\#(base64URL(point[32...]))"}"#
        }
        return Array("{\"keys\":[\(members.joined(separator: ","))]}".utf8)
    }

    /// Somebody who publishes keys, or cannot be reached.
    private final class Publisher: Sendable {
        private let state = Mutex<(keys: [UInt8]?, fetches: Int, delay: Duration)>((nil, 0, .zero))

        var fetches: Int { state.withLock { $0.fetches } }
        var delay: Duration {
            get { state.withLock { $0.delay } }
            set { state.withLock { $0.delay = newValue } }
        }

        func publish(_ keys: [String: P256.Signing.PrivateKey]) {
            state.withLock { $0.keys = TokenVerifierTests.keySet(keys) }
        }

        func fail() { state.withLock { $0.keys = nil } }

        func keys(_ clock: TestTime) -> PublishedKeys {
            PublishedKeys(now: { clock.now }) { _ in
                let delay = self.state.withLock { state in
                    state.fetches += 1
                    return state.delay
                }
                if delay > .zero { try await Task.sleep(for: delay) }
                guard let keys = self.state.withLock({ $0.keys }) else { throw CancellationError() }
                return keys
            }
        }
    }

    /// Time that passes when it is told to.
    private final class TestTime: Sendable {
        private let time = Mutex(ContinuousClock.now)
        var now: ContinuousClock.Instant { time.withLock { $0 } }
        func advance(by duration: Duration) { time.withLock { $0 += duration } }
    }
}
