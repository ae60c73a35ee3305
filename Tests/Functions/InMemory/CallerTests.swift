import FoundationEssentials
import FunctionCore
import FunctionTesting
import HTTPTypes
import Logging
import Problems
import Testing

@testable import Callers

/// Who calls: bearer tokens, cookies and keys.
@Suite struct CallerTests {
    private func caller(
        _ rule: CallerRule, _ method: HTTPRequest.Method, _ fields: HTTPFields, parameters: [String: String] = [:]
    ) async throws -> any Sendable {
        let verifier = await TokenVerifier(
            .init(secret: TokenVerifierTests.secret, issuer: TokenVerifierTests.issuer), publishedKeys: nil)
        let authenticator = CallerAuthenticator(
            verifier: verifier, cookies: SessionCookies(supabaseURL: "https://abc.supabase.co"),
            trustedOrigins: ["https://app.example"])
        let head = RequestHead(method: method, target: try RequestTarget("/"), fields: RequestFields(fields))
        return try await authenticator.caller(
            of: Request(head: head, parameters: parameters), rule: rule,
            in: Context(
                requestID: RequestID(), deadline: .now + .seconds(5), logger: LogRecorder().logger,
                publicURL: "https://x"))
    }

    private let token = TokenVerifierTests.token()
    private var session: String { #"{"access_token":"\#(token)","user":{"id":"nobody"}}"# }

    @Test("a bearer token names the user, whatever the letters of its scheme")
    func bearer() async throws {
        for scheme in ["Bearer", "bearer", "BEARER"] {
            let user = try await caller(.user, .post, [.authorization: "\(scheme) \(token)"]) as? User
            #expect(user?.id == TokenVerifierTests.subject.lowercased())
        }
    }

    @Test("another scheme, or none, is 401", arguments: ["Basic YTpi", "Bearer", "", "token"])
    func otherScheme(_ value: String) async {
        await #expect(throws: Problem.self) { try await caller(.user, .get, [.authorization: value]) }
    }

    @Test("a bearer token wins over a cookie")
    func bearerWins() async {
        let fields: HTTPFields = [.authorization: "Bearer a.b.c", .cookie: "sb-access-token=\(token)"]
        await #expect(throws: Problem.self) { try await caller(.user, .get, fields) }
    }

    @Test("a session is read from every form of Supabase's cookies")
    func cookies() async throws {
        let name = "sb-abc-auth-token"
        let encoded = "base64-" + TokenVerifierTests.base64URL(session.utf8)
        let half = encoded.index(encoded.startIndex, offsetBy: encoded.count / 2)
        let forms = [
            "\(name)=\(PercentEncoding.encode(session))", "\(name)=\(encoded)",
            "\(name).0=\(encoded[..<half]); \(name).1=\(encoded[half...])", "x=1; sb-access-token=\(token)",
            "\(name)=\(PercentEncoding.encode("[\"\(token)\",\"refresh\"]"))",
        ]
        for cookie in forms {
            let user = try await caller(.user, .get, [.cookie: cookie]) as? User
            #expect(user?.email == "a@example.com", "\(cookie.prefix(40))")
        }
    }

    @Test(
        "a cookie that cannot be read is nobody",
        arguments: ["sb-abc-auth-token=base64-!!", "sb-abc-auth-token=%zz", "a=b", "sb-other-auth-token={}"])
    func badCookie(_ cookie: String) async {
        let problem = await #expect(throws: Problem.self) { try await caller(.user, .get, [.cookie: cookie]) }
        #expect(problem?.kind == .unauthorized)
    }

    @Test("with a cookie alone, only a page that we trust may change something")
    func crossSite() async throws {
        let cookie: HTTPFields = [.cookie: "sb-access-token=\(token)"]
        func fields(_ name: String, _ value: String) -> HTTPFields {
            var fields = cookie
            fields[HTTPField.Name(name)!] = value
            return fields
        }
        _ = try await caller(.user, .get, fields("Origin", "https://evil.example"))
        _ = try await caller(.user, .post, fields("Origin", "https://app.example"))
        _ = try await caller(.user, .post, fields("Sec-Fetch-Site", "same-origin"))
        for bad in [
            cookie, fields("Origin", "https://evil.example"), fields("Origin", "null"),
            fields("Origin", "https://app.example.evil.example"), fields("Sec-Fetch-Site", "cross-site"),
            fields("Sec-Fetch-Site", "same-site"),
        ] {
            let problem = await #expect(throws: Problem.self) { try await caller(.user, .post, bad) }
            #expect(problem?.kind == .crossSiteRequest)
        }
    }

    @Test("a workspace that cannot be is as forbidden as one that is somebody else's")
    func workspace() async throws {
        let id = "6B1F2C7E-0000-4000-8000-0000000000AA"
        let user = try await caller(.user, .get, [.authorization: "Bearer \(token)", .workspaceID: id]) as? User
        #expect(user?.workspace == id.lowercased())
        let problem = await #expect(throws: Problem.self) {
            try await caller(.user, .get, [.authorization: "Bearer \(token)", .workspaceID: "' or 1=1"])
        }
        #expect(problem?.kind == .forbidden)
    }

    @Test("an agent's address or key that cannot be is 401, like a wrong one")
    func agent() async throws {
        let id = ["id": "6b1f2c7e-0000-4000-8000-0000000000aa"]
        let key = "agt_" + String(repeating: "0", count: 32)
        let agent = try await caller(.agent, .post, [.agentKey: key], parameters: id) as? AgentCaller
        #expect(agent?.agent.description == id["id"])
        let bad: [(HTTPFields, [String: String])] = [
            ([:], id), ([.agentKey: "agt_short"], id), ([.agentKey: key.uppercased()], id),
            ([.agentKey: key], ["id": "7"]),
            ([.agentKey: key + "0"], id), ([.agentKey: key], [:]),
        ]
        for (fields, parameters) in bad {
            let problem = await #expect(throws: Problem.self) {
                try await caller(.agent, .post, fields, parameters: parameters)
            }
            #expect(problem?.kind == .unauthorized)
        }
    }

    @Test("an agent's key shows itself only where it is encoded")
    func keyIsRedacted() throws {
        let key = AgentKey.random()
        let json = String(decoding: try JSONEncoder().encode([key]), as: UTF8.self)
        let text = String(json.dropFirst(2).dropLast(2))
        #expect(AgentKey(text)?.hash == key.hash)
        #expect(key.hash.count == 32)
        #expect(text.hasSuffix(key.hint))
        for shown in ["\(key)", String(reflecting: key), "\([key])"] { #expect(!shown.contains(text)) }
    }
}
