import FunctionCore

/// Says texts: the speech half of a reply, and all of generate-voice.
public struct Speaker: Sendable {
    private let model: any SpeechModel

    public init(model: any SpeechModel) { self.model = model }

    /// - Throws: as ``SpeechModel/speak(_:voice:deadline:emit:)``. The time counts as `tts`.
    public func speak(_ text: SpokenText, voice: VoicePreset, in context: Context) async throws -> Speech {
        var audio: [UInt8] = []
        let milliseconds = try await speak(text, voice: voice, in: context) { audio += $0 }
        return Speech(audio: audio, milliseconds: milliseconds)
    }

    func speak(
        _ text: SpokenText, voice: VoicePreset, in context: Context, emit: ([UInt8]) async throws -> Void
    ) async throws -> Int {
        try await context.timing.measure("tts") {
            try await model.speak(text, voice: voice, deadline: context.providerDeadline, emit: emit)
        }
    }
}

extension Context {
    /// What providers may take of the time: the rest is for storing and settling.
    var providerDeadline: ContinuousClock.Instant { deadline - .seconds(3) }
}
