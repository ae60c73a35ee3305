import EmulatorControl
import FlutterwaveEmulator
import FunctionCore
import FunctionService
import FunctionTesting
import Logging
import MiniMaxEmulator
import OpenAIEmulator
import Synchronization
import Testing
import Voice
import WebClient

@testable import Providers

/// The emulators behind a socket, asked through the client that production uses.
private func withServer(
    _ work: (_ baseURL: String, _ web: WebClient, _ board: ControlBoard) async throws -> Void
) async throws {
    let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
    let board = ControlBoard()
    let web = WebClient(logger: logger)
    let flutterwave = FlutterwaveEmulator(
        .init(
            secretKey: FakeTransport.secret, baseURL: "http://127.0.0.1", webhookURL: "http://127.0.0.1:1/",
            webhookSecretHash: "hash"), client: web, board: board)
    let application = Application.test(
        OpenAIEmulator(apiKey: FakeTransport.secret, board: board),
        MiniMaxEmulator(apiKey: FakeTransport.secret, board: board), flutterwave)
    var configuration = Server.Configuration(listeners: [Listener(.http, .tcp(host: "127.0.0.1", port: 0))])
    configuration.loops = 1
    configuration.handlesSignals = false
    configuration.drainTime = .zero
    let server = Server(responder: application, configuration: configuration, logger: logger)
    let (addresses, ready) = AsyncStream.makeStream(of: [BoundAddress].self)
    try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask {
            defer { ready.finish() }
            try await server.run { ready.yield($0) }
        }
        var iterator = addresses.makeAsyncIterator()
        let port = try #require(await iterator.next()?.first?.port)
        let result: Result<Void, any Error>
        do {
            result = .success(try await work("http://127.0.0.1:\(port)", web, board))
        } catch {
            result = .failure(error)
        }
        await web.shutdown()
        server.triggerStop()
        try await group.waitForAll()
        try result.get()
    }
}

private func chat(
    _ baseURL: String, _ web: WebClient, attempts: Int = 3, attemptLimit: Duration = .seconds(20)
) -> OpenAIChat {
    OpenAIChat(
        .init(
            baseURL: "\(baseURL)/v1", key: APIKey(FakeTransport.secret), model: "gpt-4o-mini",
            attemptLimit: attemptLimit,
            retries: .init(attempts: attempts, firstPause: .milliseconds(1), shortestAttempt: .milliseconds(1))),
        client: web)
}

private func speech(_ baseURL: String, _ web: WebClient) -> MiniMaxSpeech {
    MiniMaxSpeech(
        .init(
            baseURL: baseURL, key: APIKey(FakeTransport.secret),
            retries: .init(firstPause: .milliseconds(1), shortestAttempt: .milliseconds(1))), client: web)
}

@Suite struct LiveProviderTests {
    @Test("an agent's reply is made over real connections")
    func reply() async throws {
        try await withServer { url, web, _ in
            let maker = ReplyMaker(
                language: chat(url, web), speaker: Speaker(model: speech(url, web)), characterLimit: 600)
            let reply = try await maker.reply(to: EmulatorTests.question, in: ReplyMakerTests.context())
            #expect(reply.text.contains("nine to five"))
            #expect(reply.speech.milliseconds == MP3.milliseconds(of: reply.speech.audio))
        }
    }

    @Test(
        "pass - an answer that breaks off, or a connection that does, is asked for again",
        arguments: [Fault.Kind.truncated, .disconnect])
    func brokenOff(_ kind: Fault.Kind) async throws {
        try await withServer { url, web, board in
            board.add(Fault(kind), to: .openai)
            let answer = try await OpenAIChatTests.ask(chat(url, web))
            #expect(!answer.text.isEmpty)
            #expect(board.report(of: .openai).requests == 2)
        }
    }

    @Test("pass - an attempt that gets no answer ends at its limit, and the next one works")
    func attemptLimit() async throws {
        try await withServer { url, web, board in
            board.add(Fault(.timeout), to: .openai)
            // More attempts than are needed: one that the machine keeps waiting ends as early.
            let model = chat(url, web, attempts: 20, attemptLimit: .milliseconds(300))
            let answer = try await OpenAIChatTests.ask(model)
            #expect(!answer.text.isEmpty)
            #expect(board.report(of: .openai).requests >= 2)
        }
    }

    @Test(
        "fail - silence and a slow drip both end at the deadline",
        arguments: [Fault(.timeout, times: nil), Fault(.drip, times: nil, milliseconds: 50)])
    func deadline(_ fault: Fault) async throws {
        try await withServer { url, web, board in
            board.add(fault, to: .openai)
            let start = ContinuousClock.now
            let error = try await providerError {
                _ = try await OpenAIChatTests.ask(chat(url, web), within: .milliseconds(500))
            }
            #expect(error?.kind == .timedOut)
            #expect(start.duration(to: .now) < .seconds(10))
        }
    }

    @Test("fail - nobody listens")
    func refused() async throws {
        let web = WebClient(logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
        let error = try await providerError { _ = try await OpenAIChatTests.ask(chat("http://127.0.0.1:1", web)) }
        #expect(error?.kind == .unavailable)
        await web.shutdown()
    }

    @Test("a caller who leaves ends the transfer")
    func cancellation() async throws {
        try await withServer { url, web, board in
            board.add(Fault(.timeout, times: nil), to: .openai)
            let model = chat(url, web)
            let task = Task { _ = try await OpenAIChatTests.ask(model) }
            let limit = ContinuousClock.now + .seconds(10)
            while board.report(of: .openai).requests == 0, .now < limit { try await Task.sleep(for: .milliseconds(5)) }
            task.cancel()
            await #expect(throws: CancellationError.self) { try await task.value }
        }
    }
}
