import FunctionCore
import FunctionJSON
import FunctionTesting
import HTTPTypes
import Testing

private struct Title: BoundedText {
    static let bounds = TextBounds(3...8)
    let rawValue: String
    init(_ accepted: Accepted<String>) { rawValue = accepted.value }
}

private struct CreateBook: JSONFunction {
    static let name: FunctionName = "create-book"
    static let routes = [Route.post("/shelves/{shelf}/books", caller: CallerRule("reader"))]

    struct Input: Decodable { let shelf: Int, title: Title, pages: Int? }
    struct Output: Encodable { let title: Title, shelf: Int, by: String, pages: Int? }

    func respond(to input: Input, from reader: String, in context: Context) async throws -> Reply<Output> {
        .created(
            Output(title: input.title, shelf: input.shelf, by: reader, pages: input.pages),
            fields: [.location: context.url("/books/1")])
    }
}

private struct FindBooks: JSONFunction {
    static let name: FunctionName = "find-books"
    static let routes = [Route.get("/books", caller: .anyone)]

    struct Input: Decodable { let limit: Int, exact: Bool?, title: String? }
    struct Output: Encodable { let limit: Int, exact: Bool?, title: String? }

    func respond(to input: Input, from caller: Anyone, in context: Context) async throws -> Reply<Output> {
        .ok(Output(limit: input.limit, exact: input.exact, title: input.title))
    }
}

private struct Ping: JSONFunction {
    static let name: FunctionName = "ping"
    static let routes = [Route.post("/ping", caller: .anyone)]
    struct Output: Encodable {}
    func respond(to input: NoInput, from caller: Anyone, in context: Context) async throws -> Reply<Output> {
        .ok(Output())
    }
}

@Suite struct JSONFunctionTests {
    private let client = TestClient(
        Application.test(CreateBook(), FindBooks(), Ping(), authenticator: FixedAuthenticator("ada")))

    @Test func `Input is decoded, output encoded, the path's holes and the caller come along`() async throws {
        let response = try await client.post("/shelves/7/books", json: #"{"title":" Emma ","shelf":1,"more":[]}"#)
        #expect(response.status == .created)
        #expect(response.fields[.contentType] == "application/json")
        #expect(response.fields[.location] == "https://calls.example/books/1")
        #expect(response.text == #"{"title":"Emma","shelf":7,"by":"ada","pages":null}"#)
    }

    @Test func `A path's hole is held to the input's type`() async throws {
        let response = try await client.post("/shelves/top/books", json: #"{"title":"x","pages":"7"}"#)
        #expect(response.status == .unprocessableContent)
        #expect(
            try response.json["errors"]
                == .array([
                    .object(["field": .string("shelf"), "message": .string("must be a whole number")]),
                    .object(["field": .string("title"), "message": .string("must be at least 3 characters")]),
                    .object(["field": .string("pages"), "message": .string("must be a whole number")]),
                ]))
    }

    @Test(arguments: [
        "application/json", "application/json; charset=utf-8", "APPLICATION/JSON;x", "application/merge-patch+json",
        "application/json ;charset=utf-8",
    ])
    func `JSON is JSON by any of its names`(type: String) async throws {
        let request = TestRequest(
            .post, "/shelves/7/books", fields: [.contentType: type], body: Array(#"{"title":"Emma"}"#.utf8))
        #expect(try await client.send(request).status == .created)
    }

    @Test(arguments: [
        nil, "", "text/json", "application/jsonp", "application/x-www-form-urlencoded", "json", "+json",
        "text/plain;application/json",
    ])
    func `Anything else is 415`(type: String?) async throws {
        var request = TestRequest(.post, "/shelves/7/books", body: Array(#"{"title":"Emma"}"#.utf8))
        request.fields[.contentType] = type
        let response = try await client.send(request)
        #expect(response.status == .unsupportedMediaType)
        #expect(response.problemCode == "unsupported_media_type")
    }

    @Test(arguments: [("", 400), ("{", 400), ("[]", 422), ("null", 422), ("\"x\"", 422), ("{}", 422)])
    func `A body that is no object is told apart from one that is no JSON`(body: String, status: Int) async throws {
        #expect(try await client.post("/shelves/7/books", json: body).status.code == status)
    }

    @Test func `A GET's input is its query, where text stands for numbers and Booleans`() async throws {
        let response = try await client.get("/books?limit=20&exact=true&title=a+b")
        #expect(response.text == #"{"limit":20,"exact":true,"title":"a b"}"#)
        #expect(try await client.get("/books?limit=1").text == #"{"limit":1,"exact":null,"title":null}"#)
        #expect(try await client.send(TestRequest(.head, "/books?limit=1")).status == .ok)
    }

    @Test(arguments: [
        "/books", "/books?limit=", "/books?limit=x", "/books?limit=+1", "/books?limit=0x1", "/books?limit=1&exact=yes",
    ])
    func `A query that does not fit is 422`(target: String) async throws {
        #expect(try await client.get(target).problemCode == "validation_failed")
    }

    @Test func `A function without input looks at no body`() async throws {
        let response = try await client.send(TestRequest(.post, "/ping", body: Array("not json".utf8)))
        #expect(response.status == .ok)
        #expect(response.text == "{}")
    }

    @Test func `A caller of another type is our mistake, not the caller's`() async throws {
        let application = Application.test(CreateBook(), authenticator: FixedAuthenticator(7))
        let response = try await TestClient(application).post("/shelves/7/books", json: #"{"title":"Emma"}"#)
        #expect(response.problemCode == "internal")
    }
}
