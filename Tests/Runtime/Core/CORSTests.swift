import FunctionCore
import FunctionTesting
import HTTPTypes
import Testing

private struct Greeting: Function {
    static let name: FunctionName = "greeting"
    static let routes = [Route.post("/greeting", caller: .anyone)]
    func respond(to request: Request, in context: Context) async throws -> Response { .text("hello") }
}

@Suite struct CORSTests {
    private let client = TestClient(
        Application.test(
            Greeting(),
            configuration: .init(
                publicURL: "https://calls.example",
                cors: CORS(
                    origins: ["https://app.example"], requestFields: [.authorization, .contentType],
                    responseFields: [.requestID]))))

    private func preflight(_ origin: String) async throws -> TestResponse {
        try await client.send(
            TestRequest(.options, "/greeting", fields: [.origin: origin, .accessControlRequestMethod: "POST"]))
    }

    @Test func `A preflight of our origin is told what it may do`() async throws {
        let response = try await preflight("https://app.example")
        #expect(response.status == .noContent)
        #expect(response.fields[.accessControlAllowOrigin] == "https://app.example")
        #expect(response.fields[.accessControlAllowMethods] == "POST, OPTIONS")
        #expect(response.fields[.accessControlAllowHeaders] == "Authorization, Content-Type")
        #expect(response.fields[.accessControlAllowCredentials] == "true")
        #expect(response.fields[.vary] == "Origin")
    }

    @Test(arguments: [
        "https://evil.example", "https://app.example.evil.example", "http://app.example", "https://app.example:443",
        "null",
        "HTTPS://APP.EXAMPLE", "*",
    ])
    func `Any other origin is told nothing`(origin: String) async throws {
        let answer = try await client.post("/greeting", json: "{}", fields: [.origin: origin])
        for response in [try await preflight(origin), answer] {
            #expect(!response.fields.contains { $0.name.canonicalName.hasPrefix("access-control-") })
            #expect(response.fields[.vary] == "Origin")
        }
    }

    @Test func `An answer names the origin that may read it, also when it is a problem`() async throws {
        let ours: HTTPFields = [.origin: "https://app.example"]
        for target in ["/greeting", "/nowhere"] {
            let response = try await client.post(target, json: "{}", fields: ours)
            #expect(response.fields[.accessControlAllowOrigin] == "https://app.example")
            #expect(response.fields[.accessControlExposeHeaders] == "X-Request-Id")
        }
    }

    @Test func `Without an allowed origin there is no CORS at all`() async throws {
        let response = try await TestClient(Application.test(Greeting())).post(
            "/greeting", json: "{}", fields: [.origin: "https://app.example"])
        let preflight = try await TestClient(Application.test(Greeting())).send(
            TestRequest(
                .options, "/greeting", fields: [.origin: "https://app.example", .accessControlRequestMethod: "POST"]))
        #expect(!(response.fields + preflight.fields).contains { $0.name.canonicalName.hasPrefix("access-control-") })
        #expect(response.fields[.vary] == nil)
    }
}
