import Synchronization

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
public final class Speech: Sendable {
    public let milliseconds: Int
    /// Bytes of the MP3 file.
    public let byteCount: Int
    private let bytes: Mutex<[UInt8]>

    public init(audio: [UInt8], milliseconds: Int) {
        self.milliseconds = milliseconds
        byteCount = audio.count
        bytes = Mutex(audio)
    }

    /// An MP3 file; nothing once it has been let go of.
    public var audio: [UInt8] { bytes.withLock { $0 } }

    /// Lets go of the audio, whoever else still holds the speech: stored, it need not be kept while charging waits for the
    /// database, and thousands of others with it.
    public func letGo() { bytes.withLock { $0 = [] } }
}
