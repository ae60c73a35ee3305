import FunctionCore
import FunctionTesting
import HTTPTypes
import Testing

private struct Echo: Function {
    static let name: FunctionName = "echo"
    static let routes = [
        Route.get("/", caller: .anyone),
        .post("/api/agent/{id}/webhook", caller: .anyone),
        .get("/api/agent/{id}/webhook", caller: .anyone),
        .get("/audio/{id}.mp3", caller: .anyone),
        .get("/v{version}/{item}", caller: .anyone),
        .post("/api/agent/list", caller: .anyone),
        .post("/{any}/list/only", caller: .anyone),
        .get("/api/{any}/only", caller: .anyone),
    ]

    func respond(to request: Request, in context: Context) async throws -> Response {
        .text(request.parameters.sorted { $0.key < $1.key }.map { "\($0)=\($1)" }.joined(separator: "&"))
    }
}

@Suite struct RouterTests {
    private let client = TestClient(Application.test(Echo()))

    @Test(
        "A hole holds exactly what stands in its place",
        arguments: [
            ("/", ""), ("/api/agent/7/webhook", "id=7"), ("/api/agent/%7Bid%7D/webhook", "id={id}"),
            ("/audio/abc.mp3", "id=abc"), ("/audio/a.mp3.mp3", "id=a.mp3"), ("/audio/%C3%A9.mp3", "id=é"),
            ("/v2/x", "item=x&version=2"),
        ])
    func holes(target: String, parameters: String) async throws {
        let response = try await client.get(target)
        #expect(response.status == .ok)
        #expect(response.text == parameters)
    }

    @Test(arguments: [
        "/api", "/api/agent/7/webhook/", "/api/agent//webhook", "/audio/.mp3", "/audio/x.MP3", "/audio/x", "/v/x",
        "/v2/",
        "/audio/x.mp3%CC%81", "/api/agent/7/8/webhook",
    ])
    func `A path that no pattern fits is 404`(target: String) async throws {
        let response = try await client.get(target)
        #expect(response.status == .notFound)
        #expect(response.problemCode == "not_found")
    }

    @Test func `HEAD is answered wherever GET is`() async throws {
        let response = try await client.send(TestRequest(.head, "/audio/abc.mp3"))
        #expect(response.status == .ok)
        #expect(response.body.isEmpty)
        #expect(response.fields[.contentLength] == "6")
    }

    @Test(
        "A wrong method is 405 and says which are right",
        arguments: [
            ("/audio/x.mp3", "GET, HEAD, OPTIONS"), ("/api/agent/list", "POST, OPTIONS"),
            ("/api/agent/7/webhook", "POST, GET, HEAD, OPTIONS"),
        ])
    func wrongMethod(target: String, allowed: String) async throws {
        let response = try await client.send(TestRequest(.delete, target))
        #expect(response.status == .methodNotAllowed)
        #expect(response.problemCode == "method_not_allowed")
        #expect(response.fields[.allow] == allowed)
        let options = try await client.send(TestRequest(.options, target))
        #expect(options.status == .noContent)
        #expect(options.fields[.allow] == allowed)
    }

    @Test func `A pattern of another method does not hide a later one`() async throws {
        #expect(try await client.get("/api/list/only").text == "any=list")
        #expect(try await client.send(TestRequest(.post, "/api/list/only")).text == "any=api")
    }

    @Test func `Methods are case-sensitive`() async throws {
        let response = try await client.send(TestRequest(.init("get")!, "/"))
        #expect(response.status == .methodNotAllowed)
    }
}
