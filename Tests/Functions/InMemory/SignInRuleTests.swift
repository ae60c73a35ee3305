import FunctionCore
import FunctionTesting
import HTTPTypes
import PostgresClient
import Problems
import Testing

@testable import SignIn

/// What signing up and in refuses before the database is asked, and in which words.
@Suite struct SignInRuleTests {
    /// Nothing here may reach a database: there is none.
    private func client() async throws -> TestClient {
        let log = LogRecorder()
        let database = try Database(
            .init(connectionString: "postgresql://nobody@/nowhere?host=/tmp/there-is-no-such-directory"),
            logger: log.logger)
        let issuer = await TokenIssuer(
            secret: "a secret of at least thirty-two bytes", issuer: "https://x/auth/v1", lifetime: 60)
        let function = SignIn(
            .init(isOpen: true, bcryptCost: 4, refreshReuseSeconds: 10), database: database, issuer: issuer)
        return TestClient(
            Application.test(
                function,
                configuration: .init(
                    publicURL: "https://x", translate: Problem.translate, problemBodies: [GoTrueProblem.body])))
    }

    static let signUps: [(body: String, status: Int, code: String)] = [
        (#"{"email":"a@example.com""#, 400, "bad_json"), ("[]", 400, "bad_json"),
        (#"{"email":"a@example.com","email":"b@example.com"}"#, 400, "bad_json"),
        (#"{"email":"a@example.com","password":"long enough","data":[1]}"#, 400, "validation_failed"),
        (#"{"email":"a@example.com","password":"long enough","data":{"x":"\u0000"}}"#, 400, "validation_failed"),
        ("", 400, "bad_json"),
        (#"{"email":"a@example.com"}"#, 400, "validation_failed"),
        (#"{"password":"long enough"}"#, 400, "validation_failed"),
        (#"{"email":"no-at","password":"long enough"}"#, 400, "validation_failed"),
        (#"{"email":"a@@example.com","password":"long enough"}"#, 400, "validation_failed"),
        (#"{"email":"a@example","password":"long enough"}"#, 400, "validation_failed"),
        (#"{"email":"a\u0000@example.com","password":"long enough"}"#, 400, "validation_failed"),
        (#"{"email":"a@example.com","password":"short"}"#, 422, "weak_password"),
        (#"{"email":"a@example.com","password":"nul\u0000 within"}"#, 400, "validation_failed"),
        (
            #"{"email":"a@example.com","password":"\#(String(repeating: "x", count: 73))"}"#, 400, "validation_failed"
        ),
        (
            #"{"email":"\#(String(repeating: "x", count: 250))@example.com","password":"long enough"}"#, 400,
            "validation_failed"
        ),
        (
            #"{"email":"a@example.com","password":"long enough","data":{"x":"\#(String(repeating: "x", count: 5_000))"}}"#,
            400, "validation_failed"
        ),
    ]

    @Test("a sign-up that cannot be is refused in GoTrue's words", arguments: signUps.indices)
    func signUp(_ index: Int) async throws {
        let (body, status, code) = Self.signUps[index]
        let response = try await client().post("/auth/v1/signup", json: body)
        #expect(response.status.code == status, "\(response.text)")
        #expect(try response.json["error_code"]?.text == code)
        #expect(response.fields[.init("x-sb-error-code")!] == code)
    }

    @Test("with an API version the error has the newer shape, and the version comes back")
    func newerShape() async throws {
        let version = HTTPField.Name("X-Supabase-Api-Version")!
        let response = try await client().post(
            "/auth/v1/signup", json: #"{"email":"a@example.com","password":"short"}"#, fields: [version: "2024-01-01"])
        #expect(try response.json["code"]?.text == "weak_password")
        #expect(try response.json["message"]?.text?.isEmpty == false)
        #expect(try response.json["weak_password"]?["reasons"]?[0]?.text == "length")
        #expect(response.fields[version] == "2024-01-01")
    }

    @Test("a grant that is none, or lacks its token, is 400")
    func grants() async throws {
        let client = try await client()
        let unknown = try await client.post("/auth/v1/token?grant_type=magic", json: "{}")
        #expect(try unknown.json["error_code"]?.text == "unsupported_grant_type")
        let empty = try await client.post("/auth/v1/token?grant_type=refresh_token", json: "{}")
        #expect(try empty.json["error_code"]?.text == "validation_failed")
        let long = try await client.post(
            "/auth/v1/token?grant_type=refresh_token",
            json: #"{"refresh_token":"\#(String(repeating: "x", count: 600))"}"#)
        #expect(try long.json["error_code"]?.text == "refresh_token_not_found")
        let password = try await client.post("/auth/v1/token?grant_type=password", json: #"{"email":"","password":""}"#)
        #expect(try password.json["error_code"]?.text == "invalid_credentials")
    }

    @Test("without a database the answer is 503 in GoTrue's shape, and says nothing of the cause")
    func database() async throws {
        let response = try await client().post(
            "/auth/v1/signup", json: #"{"email":"a@example.com","password":"long enough"}"#)
        #expect(response.status == .serviceUnavailable)
        #expect(response.fields[.retryAfter] != nil)
        #expect(try response.json["error_code"]?.text == "database_unavailable")
        #expect(!response.text.contains("directory"))
    }
}
