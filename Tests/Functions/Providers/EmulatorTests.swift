import EmulatorControl
import FlutterwaveEmulator
import FunctionCore
import FunctionTesting
import HTTPTypes
import Logging
import MiniMaxEmulator
import OpenAIEmulator
import Plans
import Testing
import Voice

@testable import Providers
@testable import WebClient

/// The emulators in memory, as our clients' far end.
struct Emulation: Sendable {
    static let secretHash = "a long secret hash"
    let board = ControlBoard()
    private let client: TestClient

    init() {
        let logger = Logger(label: "test")
        let flutterwave = FlutterwaveEmulator(
            .init(
                secretKey: FakeTransport.secret, baseURL: "http://emulators.test", webhookURL: "http://127.0.0.1:1/",
                webhookSecretHash: Self.secretHash),
            client: WebClient(logger: logger), board: board)
        client = TestClient(
            Application.test(
                OpenAIEmulator(apiKey: FakeTransport.secret, board: board),
                MiniMaxEmulator(apiKey: FakeTransport.secret, board: board), flutterwave))
    }

    @Sendable func send(_ request: WebRequest) async throws -> WebResponse {
        let target = request.url.replacing("http://emulators.test", with: "")
        do {
            let response = try await client.send(
                TestRequest(request.method, target, fields: request.fields, body: request.body ?? []))
            return WebResponse(status: response.status, fields: response.fields, body: response.body)
        } catch is CancellationError {
            throw WebError(.cancelled, url: request.url)
        } catch {
            // The producer broke off: the peer sees a truncated body.
            throw WebError(.other(.partialFile), url: request.url)
        }
    }

    func openAI(key: String = FakeTransport.secret) -> OpenAIChat {
        OpenAIChat(
            .init(
                baseURL: "http://emulators.test/v1", key: APIKey(key), model: "gpt-4o-mini",
                retries: .sleeping { _ in }), transport: send)
    }

    func miniMax(key: String = FakeTransport.secret) -> MiniMaxSpeech {
        MiniMaxSpeech(
            .init(baseURL: "http://emulators.test", key: APIKey(key), retries: .sleeping { _ in }), transport: send)
    }

    func flutterwave(key: String = FakeTransport.secret) -> Flutterwave {
        Flutterwave(
            .init(baseURL: "http://emulators.test/v3", key: APIKey(key), retries: .sleeping { _ in }), transport: send)
    }

    /// Opens the link's page and pays there.
    func pay(_ link: String, _ action: String = "pay") async throws {
        let target = link.replacing("http://emulators.test", with: "")
        let answer = try await client.send(TestRequest(.post, target, body: Array("action=\(action)".utf8)))
        try #require(answer.status == .seeOther)
    }
}

@Suite struct EmulatorTests {
    static let question = ReplyMaker.Question(
        prompt:
            "You are Maya of Bright Dental. We are open Monday to Friday from nine to five. A check-up costs 50 dollars.",
        history: [], message: "When are you open?", voice: .softFemale)

    @Test("an agent's reply is made of its prompt, spoken, no longer than estimated, and without our own instructions")
    func reply() async throws {
        let emulation = Emulation()
        let maker = ReplyMaker(
            language: emulation.openAI(), speaker: Speaker(model: emulation.miniMax()), characterLimit: 600)
        let reply = try await maker.reply(to: Self.question, in: ReplyMakerTests.context())
        #expect(reply.text.contains("nine to five"))
        #expect(!reply.text.contains("read aloud"))
        #expect(reply.speech.milliseconds == MP3.milliseconds(of: reply.speech.audio))
        #expect(reply.speech.milliseconds > 1_000)
        #expect(reply.speech.milliseconds <= maker.estimate.seconds * 1_000)
        let spoken = try #require(SpokenText(cleaning: reply.text))
        #expect(reply.speech.milliseconds <= SpeechEstimate(of: spoken).seconds * 1_000)
    }

    @Test("every preset has a voice, and real speech stays below the estimate", arguments: VoicePreset.allCases)
    func voices(_ preset: VoicePreset) async throws {
        for sentence in [
            "Thank you for calling. Goodbye!", "Your code is 4 7 1 1, OK? Call +234 803 555 0199 at 17:45.",
        ] {
            let text = try SpokenText(validating: sentence)
            let speech = try await Speaker(model: Emulation().miniMax()).speak(
                text, voice: preset, in: ReplyMakerTests.context())
            #expect(speech.milliseconds <= SpeechEstimate(of: text).seconds * 1_000)
        }
    }

    @Test(
        "a language model's fault becomes an error of a kind, or passes",
        arguments: [
            (Fault(.rateLimited, times: nil), ProviderError.Kind?.some(.rateLimited)),
            (Fault(.rateLimited, times: 2), nil),
            (Fault(.insufficientQuota), .misconfigured), (Fault(.unauthorized), .misconfigured),
            (Fault(.serverError, times: nil), .unavailable), (Fault(.serverError), nil),
            (Fault(.unavailable, times: 2), nil),
            (Fault(.garbage), .garbage), (Fault(.empty), .garbage), (Fault(.emptyReply), .garbage),
            (Fault(.truncated), nil),
            (Fault(.disconnect, times: nil), .unavailable),
        ])
    func languageFaults(_ fault: Fault, _ kind: ProviderError.Kind?) async throws {
        let emulation = Emulation()
        emulation.board.add(fault, to: .openai)
        let error = try await providerError { _ = try await OpenAIChatTests.ask(emulation.openAI()) }
        #expect(error?.kind == kind)
    }

    @Test(
        "a speech model's fault becomes an error of a kind, or passes",
        arguments: [
            (Fault(.rateLimited, times: nil), ProviderError.Kind?.some(.rateLimited)), (Fault(.tokenLimit), nil),
            (Fault(.unauthorized), .misconfigured), (Fault(.serverError), nil),
            (Fault(.unavailable, times: nil), .unavailable),
            (Fault(.baseResp, code: 1008), .misconfigured), (Fault(.baseResp, code: 1026), .rejected),
            (Fault(.nullData), .garbage),
            (Fault(.missingAudio), .garbage), (Fault(.badHex), .garbage), (Fault(.garbage), .garbage),
            (Fault(.empty), .garbage),
            (Fault(.truncated), nil),
        ])
    func speechFaults(_ fault: Fault, _ kind: ProviderError.Kind?) async throws {
        let emulation = Emulation()
        emulation.board.add(fault, to: .minimax)
        let error = try await providerError {
            _ = try await Speaker(model: emulation.miniMax()).speak(
                try SpokenText(validating: "Hello."), voice: .warmMale, in: ReplyMakerTests.context())
        }
        #expect(error?.kind == kind)
    }

    @Test("a wrong key is told from everything else")
    func wrongKey() async throws {
        let emulation = Emulation()
        let errors = [
            try await providerError { _ = try await OpenAIChatTests.ask(emulation.openAI(key: "wrong")) },
            try await providerError {
                _ = try await emulation.flutterwave(key: "wrong").verify(transactionID: 1, deadline: .now + .seconds(9))
            },
            try await providerError {
                _ = try await emulation.miniMax(key: "wrong").speak(
                    try SpokenText(validating: "Hello."), voice: .warmMale, deadline: .now + .seconds(9)
                ) { _ in }
            },
        ]
        #expect(errors.map { $0?.kind } == [.misconfigured, .misconfigured, .misconfigured])
    }

    @Test(
        "a payment is pending until it is paid, and then verified to the kobo, by id and by reference",
        arguments: [2_900, 2_950, 2_999, 1])
    func payment(_ units: Int) async throws {
        let emulation = Emulation()
        let flutterwave = emulation.flutterwave()
        let deadline = ContinuousClock.now + .seconds(20)
        let link = try await flutterwave.createPayment(FlutterwaveTests.payment(units), deadline: deadline)
        let reference = FlutterwaveTests.reference.rawValue
        #expect(try await flutterwave.verify(reference: reference, deadline: deadline) == nil)
        try await emulation.pay(link)
        let found = try #require(try await flutterwave.verify(reference: reference, deadline: deadline))
        #expect(found.status == "successful")
        #expect(found.amount == Money(minorUnits: units, currency: .naira))
        #expect(try await flutterwave.verify(transactionID: found.id, deadline: deadline) == found)
    }

    @Test("a declined card is a transaction that failed")
    func declined() async throws {
        let emulation = Emulation()
        let deadline = ContinuousClock.now + .seconds(20)
        let link = try await emulation.flutterwave().createPayment(FlutterwaveTests.payment(), deadline: deadline)
        try await emulation.pay(link, "decline")
        let found = try await emulation.flutterwave().verify(
            reference: FlutterwaveTests.reference.rawValue, deadline: deadline)
        #expect(found?.status == "failed")
    }

    @Test(
        "what verify gets wrong is seen, and what passes is waited for",
        arguments: [
            (Fault(.wrongReference), ProviderError.Kind?.some(.garbage)), (Fault(.garbage), .garbage),
            (Fault(.empty), .garbage),
            (Fault(.verifyDown, times: nil), .unavailable), (Fault(.verifyDown), nil), (Fault(.rateLimited), nil),
            (Fault(.wrongAmount), nil), (Fault(.wrongCurrency), nil), (Fault(.pending), nil), (Fault(.truncated), nil),
        ])
    func verifyFaults(_ fault: Fault, _ kind: ProviderError.Kind?) async throws {
        let emulation = Emulation()
        let deadline = ContinuousClock.now + .seconds(20)
        let link = try await emulation.flutterwave().createPayment(FlutterwaveTests.payment(), deadline: deadline)
        try await emulation.pay(link)
        emulation.board.add(fault, to: .flutterwave)
        let error = try await providerError {
            let found = try await emulation.flutterwave().verify(
                reference: FlutterwaveTests.reference.rawValue, deadline: deadline)
            let honest = FlutterwaveTests.payment().amount
            #expect((found?.amount == honest) == ![.wrongAmount, .wrongCurrency].contains(fault.kind))
            #expect((found?.status == "successful") == (fault.kind != .pending))
        }
        #expect(error?.kind == kind)
    }
}
