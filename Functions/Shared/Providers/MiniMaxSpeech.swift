import FunctionCore
import FunctionJSON
import Voice
import WebClient

/// Speech of MiniMax: T2A v2 over HTTP, one answer with the whole recording
/// (platform.minimax.io/docs/api-reference/speech-t2a-http).
public final class MiniMaxSpeech: SpeechModel {
    public struct Configuration: Sendable {
        /// Without path and trailing slash. A key belongs to one region.
        public var baseURL: String
        public var key: APIKey
        /// Needed by keys of the older hosts.
        public var groupID: String?
        public var model: String
        public var retries: RetryPolicy

        public init(
            baseURL: String = "https://api.minimax.io", key: APIKey, groupID: String? = nil,
            model: String = "speech-2.8-turbo", retries: RetryPolicy = .init()
        ) {
            self.baseURL = baseURL
            self.key = key
            self.groupID = groupID
            self.model = model
            self.retries = retries
        }
    }

    /// Largest answer taken, in bytes. The longest text makes about 550 s of speech: 4.4 MB, twice that in hexadecimal.
    public static let responseLimit = 32 * 1_024 * 1_024
    /// Bytes of an answer, nearly all of it one text of hexadecimal, that an event loop can spare the time to read: about
    /// 0.3 ms, for eight seconds of speech.
    private static let shortAnswer = 128 * 1_024

    private let configuration: Configuration
    private let connection: ProviderConnection

    public convenience init(_ configuration: Configuration, client: WebClient) {
        self.init(configuration, transport: { try await client.send($0) })
    }

    public init(_ configuration: Configuration, transport: @escaping WebTransport) {
        self.configuration = configuration
        connection = ProviderConnection(
            .miniMax, configuration.key, transport, configuration.retries, attemptLimit: nil)
    }

    /// - Throws: ``ProviderError``; `CancellationError`; whatever `emit` throws.
    public func speak(
        _ text: SpokenText, voice: VoicePreset, deadline: ContinuousClock.Instant,
        emit: ([UInt8]) async throws -> Void
    ) async throws -> Int {
        // The group is read from the query alone; in the body it is ignored.
        let query = configuration.groupID.map { "?GroupId=\(PercentEncoding.encode($0))" } ?? ""
        let request = WebRequest(
            method: .post, url: "\(configuration.baseURL)/v1/t2a_v2\(query)", body: try body(for: text, voice),
            deadline: deadline, responseLimit: Self.responseLimit)
        let connection = connection
        let answer = try await connection.exchange(request, deadline: deadline) { response in
            try await response.read(atOnce: Self.shortAnswer) { try MiniMaxAnswer(response, connection) }
        }
        try await emit(answer.audio)
        return answer.milliseconds
    }

    private func body(for text: SpokenText, _ voice: VoicePreset) throws -> [UInt8] {
        try JSON.encode(
            JSONValue.object([
                "model": .string(configuration.model), "text": .string(text.rawValue), "stream": .bool(false),
                "output_format": .string("hex"), "language_boost": .string("auto"),
                "voice_setting": .object(["voice_id": .string(voice.miniMaxID)]),
                "audio_setting": .object([
                    "format": .string("mp3"), "channel": .number("1"), "sample_rate": .number("32000"),
                    "bitrate": .number("64000"),
                ]),
            ]))
    }
}
