import FunctionJSON
import HTTPTypes
import Testing
import Voice
import WebClient

@testable import Providers

@Suite struct OpenAIChatTests {
    static let chat = Chat(
        messages: [ChatMessage(.system, "Be brief."), ChatMessage(.user, "Hi")], characterLimit: 600)

    static func ask(
        _ model: OpenAIChat, within time: Duration = .seconds(40)
    ) async throws -> (text: String, end: AnswerEnd) {
        var text = ""
        let end = try await model.answer(chat, deadline: .now + time) { text += $0 }
        return (text, end)
    }

    static let good = #"{"choices":[{"message":{"role":"assistant","content":"Hello."},"finish_reason":"stop"}]}"#

    @Test("a request names the model, the messages and the token limit under the configured name")
    func request() async throws {
        let transport = FakeTransport(.response(200, Self.good))
        _ = try await Self.ask(transport.openAI { $0.tokenLimitField = "max_tokens" })
        let sent = try #require(transport.requests.first)
        #expect(sent.method == .post)
        #expect(sent.url == "http://llm.test/v1/chat/completions")
        #expect(sent.fields[.authorization] == "Bearer \(FakeTransport.secret)")
        #expect(sent.fields[.contentType] == "application/json")
        let body = try #require(transport.lastBody)
        #expect(body["model"] == .string("gpt-test"))
        #expect(body["max_tokens"] == .number("1600"))
        #expect(body["max_completion_tokens"] == nil)
        #expect(body["messages"]?.elements?.last == .object(["role": .string("user"), "content": .string("Hi")]))
    }

    @Test(
        "answers of compatible servers are understood",
        arguments: [
            (good, "Hello.", AnswerEnd.finished),
            (
                #"{"choices":[{"message":{"content":"Cut"},"finish_reason":"length"}],"usage":{"total_tokens":3}}"#,
                "Cut", .cutShort
            ),
            (
                #"{"choices":[{"message":{"content":null,"refusal":"I cannot."},"finish_reason":"stop"}]}"#,
                "I cannot.", .finished
            ),
            (
                #"{"choices":[{"message":{"content":"No reason"}}],"timings":{},"base_resp":{"status_code":0}}"#,
                "No reason", .finished
            ),
            (
                #"{"choices":[{"message":{"content":[{"type":"text","text":"Par"},{"type":"text","text":"ts"}]}}],"error":null}"#,
                "Parts", .finished
            ),
        ])
    func answers(_ body: String, _ text: String, _ end: AnswerEnd) async throws {
        let answer = try await Self.ask(FakeTransport(.response(200, body)).openAI())
        #expect(answer == (text, end))
    }

    @Test(
        "failures are sorted, and repeated only where that can help",
        arguments: [
            (
                400,
                #"{"error":{"message":"m","type":"invalid_request_error","param":null,"code":"context_length_exceeded"}}"#,
                ProviderError.Kind.rejected, 1
            ),
            (400, #"[{"error":{"code":400,"message":"m","status":"INVALID_ARGUMENT"}}]"#, .rejected, 1),
            (401, #"{"error":{"message":"m","type":"x","param":null,"code":"invalid_api_key"}}"#, .misconfigured, 1),
            (403, "", .misconfigured, 1), (404, #"{"error":"model not found"}"#, .misconfigured, 1),
            (301, "", .misconfigured, 1),
            (
                429, #"{"error":{"message":"m","type":"requests","param":null,"code":"rate_limit_exceeded"}}"#,
                .rateLimited, 3
            ),
            (
                429, #"{"error":{"message":"m","type":"insufficient_quota","param":null,"code":"insufficient_quota"}}"#,
                .misconfigured, 1
            ),
            (408, "", .unavailable, 3), (409, "", .unavailable, 3), (500, "<html>", .unavailable, 3),
            (503, "{}", .unavailable, 3),
            (200, #"{"error":{"message":"overloaded"}}"#, .unavailable, 3),
            (200, "", .garbage, 1), (200, "<html>", .garbage, 1), (200, "[]", .garbage, 1),
            (200, #"{"choices":[]}"#, .garbage, 1),
            (200, #"{"choices":[{"message":{"content":null},"finish_reason":"tool_calls"}]}"#, .garbage, 1),
            (200, #"{"choices":[{"message":{"content":" \n"},"finish_reason":"length"}]}"#, .garbage, 1),
            (200, #"{"choices":[{"message":{"content":null},"finish_reason":"content_filter"}]}"#, .rejected, 1),
        ])
    func failures(_ status: Int, _ body: String, _ kind: ProviderError.Kind, _ attempts: Int) async throws {
        let transport = FakeTransport(.response(status, body))
        let error = try await providerError { _ = try await Self.ask(transport.openAI()) }
        #expect(error?.kind == kind)
        #expect(transport.requests.count == attempts)
    }

    @Test(
        "failures of the network are sorted too",
        arguments: [
            (WebError.Kind.connect, ProviderError.Kind.unavailable, 3), (.timeout, .timedOut, 3),
            (.tls, .misconfigured, 1),
            (.tooLarge, .garbage, 1), (.cancelled, .unavailable, 1),
        ])
    func network(_ cause: WebError.Kind, _ kind: ProviderError.Kind, _ attempts: Int) async throws {
        let transport = FakeTransport(.error(cause))
        let error = try await providerError { _ = try await Self.ask(transport.openAI()) }
        #expect(error?.kind == kind)
        #expect(transport.requests.count == attempts)
    }

    @Test("an attempt that fails in passing is followed by one that works")
    func retry() async throws {
        let transport = FakeTransport(.response(503, ""), .error(.connect), .response(200, Self.good))
        #expect(try await Self.ask(transport.openAI()).text == "Hello.")
        #expect(transport.requests.count == 3)
        #expect(
            zip(transport.pauses, [300, 600]).allSatisfy { $0 <= .milliseconds($1) && $0 >= .milliseconds($1 / 2) })
    }

    @Test(
        "Retry-After is waited for",
        arguments: [("retry-after", "2", 2_000), ("retry-after-ms", "1500", 1_500), ("retry-after", "0.75", 750)])
    func retryAfter(_ name: String, _ value: String, _ milliseconds: Int) async throws {
        let fields: HTTPFields = [try #require(HTTPField.Name(name)): value]
        let transport = FakeTransport(.response(429, "{}", fields), .response(200, Self.good))
        _ = try await Self.ask(transport.openAI())
        #expect(transport.pauses == [.milliseconds(milliseconds)])
    }

    @Test("no attempt is made that the deadline leaves no time for")
    func deadline() async throws {
        let transport = FakeTransport(.response(429, "{}", [.retryAfter: "30"]))
        let error = try await providerError { _ = try await Self.ask(transport.openAI(), within: .seconds(20)) }
        #expect(transport.requests.count == 1)
        #expect(error?.retryAfter == .seconds(30))
    }

    @Test("an attempt ends at its own limit or at the deadline, whichever comes first")
    func attemptLimit() async throws {
        let transport = FakeTransport(.response(200, Self.good))
        let start = ContinuousClock.now
        _ = try await Self.ask(transport.openAI { $0.attemptLimit = .seconds(5) }, within: .seconds(200))
        _ = try await Self.ask(transport.openAI { $0.attemptLimit = .seconds(500) }, within: .seconds(200))
        let limits = transport.requests.map { start.duration(to: $0.deadline) }
        #expect(limits[0] < .seconds(60) && limits[1] > .seconds(100) && limits[1] < .seconds(300))
    }

    @Test("neither the key nor what was said is in an error's description")
    func secrets() async throws {
        let body = #"{"error":{"message":"Incorrect API key \#(FakeTransport.secret): Hi","code":"bad\ncode Hi"}}"#
        let error = try #require(
            try await providerError { _ = try await Self.ask(FakeTransport(.response(401, body)).openAI()) })
        #expect(error.description == "language model misconfigured: 401")
        #expect(!error.debugDescription.contains(FakeTransport.secret))
        #expect("\(APIKey("x")) \(String(reflecting: APIKey("x")))" == "<redacted> <redacted>")
    }

    @Test("a cancelled task stops with CancellationError")
    func cancellation() async {
        let transport = FakeTransport(.error(.cancelled))
        let task = Task {
            withUnsafeCurrentTask { $0?.cancel() }
            _ = try await Self.ask(transport.openAI())
        }
        await #expect(throws: CancellationError.self) { try await task.value }
    }
}
