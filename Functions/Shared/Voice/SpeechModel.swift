/// What makes the sound of a reply.
public protocol SpeechModel: Sendable {
    /// Says `text`, handing over the MP3 as it comes, in one piece or many.
    ///
    /// - Returns: how long the whole is, in milliseconds, more than 0.
    /// - Throws: the provider's error; `CancellationError`; whatever `emit` throws. After the first piece nothing is
    ///   tried again.
    func speak(
        _ text: SpokenText, voice: VoicePreset, deadline: ContinuousClock.Instant,
        emit: ([UInt8]) async throws -> Void
    ) async throws -> Int
}

/// A recording, made whole.
public struct Speech: Sendable, Hashable {
    /// An MP3 file.
    public let audio: [UInt8]
    public let milliseconds: Int

    public init(audio: [UInt8], milliseconds: Int) {
        self.audio = audio
        self.milliseconds = milliseconds
    }

    /// Its length as the API tells it.
    public var seconds: Double { Double(milliseconds) / 1_000 }
}
