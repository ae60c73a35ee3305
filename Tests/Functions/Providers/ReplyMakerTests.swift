import FunctionCore
import Logging
import Testing

@testable import Voice

@Suite struct ReplyMakerTests {
    /// Says what it is told to, and remembers what it was asked.
    final class Model: LanguageModel, SpeechModel {
        let pieces: [String]
        let end: AnswerEnd
        let asked: @Sendable (Chat) -> Void
        let spoken: @Sendable (SpokenText, VoicePreset) -> Void

        init(
            _ pieces: [String], end: AnswerEnd = .finished, asked: @escaping @Sendable (Chat) -> Void = { _ in },
            spoken: @escaping @Sendable (SpokenText, VoicePreset) -> Void = { _, _ in }
        ) {
            self.pieces = pieces
            self.end = end
            self.asked = asked
            self.spoken = spoken
        }

        func answer(
            _ chat: Chat, deadline: ContinuousClock.Instant, emit: (String) async throws -> Void
        ) async throws -> AnswerEnd {
            asked(chat)
            for piece in pieces { try await emit(piece) }
            return end
        }

        func speak(
            _ text: SpokenText, voice: VoicePreset, deadline: ContinuousClock.Instant,
            emit: ([UInt8]) async throws -> Void
        ) async throws -> Int {
            spoken(text, voice)
            for byte in Array(text.rawValue.utf8) { try await emit([byte]) }
            return 1_234
        }
    }

    static func context() -> Context {
        Context(
            requestID: RequestID(), deadline: .now + .seconds(50), logger: Logger(label: "test"),
            publicURL: "http://127.0.0.1")
    }

    static let question = ReplyMaker.Question(
        prompt: "You sell shoes.", history: [ChatMessage(.user, "Hi"), ChatMessage(.assistant, "Hello.")],
        message: "What do you sell?", voice: .warmMale)

    static func maker(_ model: Model, characters: Int = 600) -> ReplyMaker {
        ReplyMaker(language: model, speaker: Speaker(model: model), characterLimit: characters)
    }

    @Test("the model sees the agent's prompt first, then the history, then the message")
    func prompt() async throws {
        try await confirmation { asked in
            let model = Model(
                ["Shoes."],
                asked: { chat in
                    #expect(chat.messages.map(\.role) == [.system, .user, .assistant, .user])
                    #expect(chat.messages[0].content.hasPrefix("You sell shoes.\n"))
                    #expect(chat.messages[0].content.contains("read aloud"))
                    #expect(chat.messages.dropFirst().map(\.content) == ["Hi", "Hello.", "What do you sell?"])
                    asked()
                })
            _ = try await Self.maker(model).reply(to: Self.question, in: Self.context())
        }
    }

    @Test("a reply's events are its text, its audio and the end, in that order, and the whole is made of them")
    func events() async throws {
        let model = Model(["Sh", "oes."])
        var events: [ReplyEvent] = []
        try await Self.maker(model).reply(to: Self.question, in: Self.context()) { events.append($0) }
        #expect(events == [.text("Shoes.")] + Array("Shoes.".utf8).map { .audio([$0]) } + [.done(milliseconds: 1_234)])
        let reply = try await Self.maker(model).reply(to: Self.question, in: Self.context())
        #expect(reply.text == "Shoes.")
        #expect(reply.speech.audio == Array("Shoes.".utf8))
        #expect(reply.speech.milliseconds == 1_234)
    }

    @Test("what is spoken is the cut reply without pause markers, in the agent's voice")
    func spoken() async throws {
        try await confirmation { spoken in
            let model = Model(
                ["One<#99#> two. ", "Three four five six."],
                spoken: { text, voice in
                    #expect(text.rawValue == "One two.")
                    #expect(voice == .warmMale)
                    spoken()
                })
            let reply = try await Self.maker(model, characters: 20).reply(to: Self.question, in: Self.context())
            #expect(reply.text == "One two.")
        }
    }

    @Test(
        "an answer that cannot be spoken is an error, and no speech is asked for", arguments: ["", " \n", "<#5#>", "…"])
    func nothingToSay(_ text: String) async {
        await confirmation(expectedCount: 0) { spoken in
            let model = Model([text], spoken: { _, _ in spoken() })
            await #expect(throws: ReplyError.nothingToSay) {
                try await Self.maker(model).reply(to: Self.question, in: Self.context())
            }
        }
    }

    @Test("the time of both models is named in Server-Timing")
    func timing() async throws {
        let context = Self.context()
        _ = try await Self.maker(Model(["Shoes."])).reply(to: Self.question, in: context)
        #expect(context.timing.headerValue.contains("llm;dur="))
        #expect(context.timing.headerValue.contains("tts;dur="))
    }
}
