import FunctionCore
import FunctionTesting
import HTTPTypes
import Logging
import Testing

private struct Rejected: Error, CustomStringConvertible { let description = "row: secret@example.com" }
private struct Unavailable: Error {}

/// Does what its path says.
private struct Moody: Function {
    static let name: FunctionName = "moody"
    static let routes = [
        Route.post("/ok", caller: .anyone), .get("/ok", caller: .anyone), .get("/rejected", caller: .anyone),
        .get("/unavailable", caller: .anyone), .get("/conflict", caller: .anyone), .get("/cancelled", caller: .anyone),
        .get("/hang", caller: .anyone, limits: .init(deadline: .milliseconds(30))),
        .get("/slow", caller: .anyone, limits: .init(deadline: .seconds(600))),
        .get("/hang-badly", caller: .anyone, limits: .init(deadline: .milliseconds(30))),
        .get("/user", caller: CallerRule("user")), .get("/auth/v1/user", caller: .anyone),
        .get("/torn", caller: .anyone), .post("/small", caller: .anyone, limits: .init(body: 4)),
    ]

    func respond(to request: Request, in context: Context) async throws -> Response {
        switch request.head.target.path {
        case "/rejected", "/auth/v1/user": throw Rejected()
        case "/unavailable": throw Unavailable()
        case "/conflict":
            throw Problem(
                .init("conflict", .conflict, "Twice"), fields: [.init("X-Why")!: "because"], cause: Rejected())
        case "/cancelled": throw CancellationError()
        case "/hang", "/slow":
            try await Task.sleep(for: .seconds(60))
            return .text("late")
        case "/hang-badly":
            do { try await Task.sleep(for: .seconds(60)) } catch { throw Rejected() }
            return .text("late")
        case "/torn":
            return Response(status: .ok, body: .stream(length: nil) { _ in throw Rejected() })
        case "/user": return .text(context.caller as? String ?? "nobody")
        default:
            context.logger.info("inside")
            return Response(status: .ok, fields: [.cacheControl: "private"], body: .bytes(request.body))
        }
    }
}

@Suite struct ApplicationTests {
    private let log = LogRecorder()

    private func client(_ authenticator: any Authenticator = FailingAuthenticator()) -> TestClient {
        let configuration = Application.Configuration(
            publicURL: "https://calls.example",
            translate: {
                $0 is Unavailable ? Problem(.init("database_unavailable", .serviceUnavailable, "Gone")) : nil
            },
            problemBodies: [
                .init(prefix: "/auth/v1") { problem, _, id in
                    .text("gotrue \(problem.kind.code) \(id)", status: problem.kind.status)
                }
            ])
        return TestClient(
            Application.test(Moody(), authenticator: authenticator, configuration: configuration, log: log))
    }

    @Test func `An unknown error is a 500 that says nothing, and its cause is in the log`() async throws {
        let response = try await client().get("/rejected")
        #expect(response.status == .internalServerError)
        #expect(response.problemCode == "internal")
        #expect(!response.text.contains("secret"))
        let line = try #require(log.entries.last)
        #expect(line.level == .error)
        #expect(line.metadata["cause"]?.contains("secret@example.com") == true)
        #expect(line.metadata["request_id"] == response.fields[.requestID])
        #expect(try response.json["instance"]?.text == response.fields[.requestID])
    }

    @Test func `A problem is sent as it is, without its cause`() async throws {
        let response = try await client().get("/conflict")
        #expect(response.status == .conflict)
        #expect(response.problemCode == "conflict")
        #expect(response.fields[.init("X-Why")!] == "because")
        #expect(!response.text.contains("secret"))
    }

    @Test func `A dependency's error is translated, and 503 says when to come back`() async throws {
        let response = try await client().get("/unavailable")
        #expect(response.status == .serviceUnavailable)
        #expect(response.problemCode == "database_unavailable")
        #expect(response.fields[.retryAfter] == "1")
    }

    @Test func `A caller who left is 499`() async throws {
        let response = try await client().get("/cancelled")
        #expect(response.status.code == 499)
        #expect(response.problemCode == "client_closed_request")
    }

    @Test(.timeLimit(.minutes(1)), arguments: ["/hang", "/hang-badly"])
    func `A passed deadline is 503, whatever a dependency makes of being cancelled`(target: String) async throws {
        let response = try await client().get(target)
        #expect(response.status == .serviceUnavailable)
        #expect(response.problemCode == "deadline_exceeded")
    }

    @Test func `A route's deadline is never later than the host's`() throws {
        let application = Application.test(
            Moody(), configuration: .init(publicURL: "", deadline: .seconds(5)))
        let head = RequestHead(method: .get, target: try RequestTarget("/slow"))
        guard case .exchange(let exchange) = application.accept(head) else {
            Issue.record("the route was not found")
            return
        }
        #expect(exchange.deadline <= .now + .seconds(5))
    }

    @Test func `Every answer carries the security fields, a request id and where the time went`() async throws {
        for target in ["/ok", "/rejected", "/nowhere", "/.."] {
            let response = try await client().get(target)
            #expect(response.fields[.xContentTypeOptions] == "nosniff")
            #expect(response.fields[.contentSecurityPolicy]?.contains("default-src 'none'") == true)
            #expect(response.fields[.requestID]?.count == 32)
            #expect(response.fields[.serverTiming]?.contains("total;dur=") == true)
            #expect(response.fields[.cacheControl] == (target == "/ok" ? "private" : "no-store"))
        }
    }

    @Test func `Below its prefix a problem has a body of its own`() async throws {
        let response = try await client().get("/auth/v1/user")
        let id = try #require(response.fields[.requestID])
        #expect(response.status == .internalServerError)
        #expect(response.text == "gotrue internal \(id)")
        #expect(try await client().get("/auth/v1/nowhere").text.hasPrefix("gotrue not_found"))
        #expect(try await client().get("/auth/v10").problemCode == "not_found")
    }

    @Test func `The authenticator is asked for every route that is not for anyone`() async throws {
        #expect(try await client(FixedAuthenticator("ada")).get("/user").text == "ada")
        #expect(try await client().get("/user").status == .internalServerError)
        #expect(try await client().get("/ok").status == .ok)
    }

    @Test func `A body over the route's limit never reaches the function`() async throws {
        let four = try await client().send(TestRequest(.post, "/small", body: [1, 2, 3, 4]))
        #expect(four.status == .ok)
        let five = try await client().send(TestRequest(.post, "/small", body: [1, 2, 3, 4, 5]))
        #expect(five.status == .contentTooLarge)
        #expect(five.problemCode == "body_too_large")
    }

    @Test func `Each request is one line, and the function's own lines carry its name and id`() async throws {
        let response = try await client().get("/ok")
        #expect(log.entries.map(\.message) == ["inside", "request"])
        for entry in log.entries {
            #expect(entry.metadata["request_id"] == response.fields[.requestID])
            #expect(entry.metadata["function"] == "moody")
        }
        #expect(log.entries.last?.metadata["status"] == "200")
    }

    @Test func `An answer that broke off is logged as broken, once it has`() async throws {
        await #expect(throws: Rejected.self) { try await client().get("/torn") }
        let line = try #require(log.entries.last)
        #expect(log.entries.count == 1)
        #expect(line.level == .warning)
        #expect(line.metadata["ending"] == "broken")
    }

    @Test func `A slow request's line says what it waits for, and nothing of the query`() async throws {
        let application = Application.test(Moody(), log: log)
        let head = RequestHead(method: .get, target: try RequestTarget("/slow?signature=secret"))
        guard case .exchange(let exchange) = application.accept(head) else {
            Issue.record("the route was not found")
            return
        }
        await exchange.timing.measure("db") {}
        await exchange.timing.measure("llm") {
            application.isSlow(
                RequestInFlight(
                    exchange, head, transport: .http, stage: .running, isCancelled: false, bytesReceived: 0,
                    bytesSent: 0))
        }
        let line = try #require(log.entries.last)
        #expect(line.level == .warning)
        #expect(line.metadata["waits_for"] == "llm")
        #expect(line.metadata["db_ms"] != nil)
        #expect(line.metadata["path"] == "/slow")
        #expect(!log.text.contains("secret"))
    }
}
