import EmulatorControl
import FunctionJSON

/// The body of POST /v1/t2a_v2, checked as MiniMax checks it (platform.minimax.io/docs/api-reference/speech-t2a-http).
struct SpeechRequest: Sendable {
    /// Unicode scalars.
    static let maximumText = 10_000

    var text: String
    var stream: Bool
    var repeatsWhole: Bool
    var voiceID: String
    /// 0.5–2, where 1 is the voice's own.
    var speed: Double
    /// Above 0, at most 10.
    var volume: Double
    /// Semitones, −12…12.
    var pitch: Int
    /// Hertz.
    var sampleRate: Int
    /// Bits a second.
    var bitrate: Int
    var channels: Int

    init(body: [UInt8]) throws {
        guard let json = try? JSONValue(parsing: body), json.members != nil else {
            throw MiniMaxError.invalid("the body is not a JSON object")
        }
        guard let model = json["model"]?.text, Self.models.contains(model) else {
            throw MiniMaxError.invalid("unsupported model")
        }
        text = try Self.text(json["text"])
        stream = try Self.flag(json["stream"], "stream") ?? false
        repeatsWhole = try Self.flag(json["stream_options"]?["exclude_aggregated_audio"], "stream_options") != true
        if let format = json["output_format"], !format.isNull, format.text != "hex" {
            throw MiniMaxError.invalid("output_format url is not emulated")
        }

        let voice = json["voice_setting"] ?? [:]
        guard let voiceID = voice["voice_id"]?.text, !voiceID.isEmpty else {
            throw MiniMaxError.invalid("voice_id is required")
        }
        guard EspeakVoice.byMiniMaxID[voiceID] != nil else { throw MiniMaxError(2054) }
        self.voiceID = voiceID
        speed = try Self.number(voice["speed"], "speed", 0.5...2) ?? 1
        volume = try Self.number(voice["vol"], "vol", 0.001...10) ?? 1
        pitch = try Self.integer(voice["pitch"], "pitch", Array(-12...12)) ?? 0
        if let emotion = voice["emotion"], !emotion.isNull, !Self.emotions.contains(emotion.text ?? "") {
            throw MiniMaxError.invalid("emotion")
        }

        let audio = json["audio_setting"] ?? [:]
        sampleRate = try Self.integer(audio["sample_rate"], "sample_rate", Self.sampleRates) ?? 32_000
        bitrate = try Self.integer(audio["bitrate"], "bitrate", Self.bitrates) ?? 128_000
        channels = try Self.integer(audio["channel"], "channel", [1, 2]) ?? 1
        if let format = audio["format"], !format.isNull, format.text != "mp3" {
            throw MiniMaxError.invalid("audio format: only mp3 is emulated")
        }
    }

    private static let models: Set<String> = [
        "speech-2.8-hd", "speech-2.8-turbo", "speech-2.6-hd", "speech-2.6-turbo", "speech-02-hd", "speech-02-turbo",
        "speech-01-hd", "speech-01-turbo", "speech-2.5-hd-preview", "speech-2.5-turbo-preview",
    ]
    private static let emotions: Set<String> = [
        "happy", "sad", "angry", "fearful", "disgusted", "surprised", "calm", "fluent", "whisper", "neutral",
    ]
    private static let sampleRates = [8_000, 16_000, 22_050, 24_000, 32_000, 44_100]
    private static let bitrates = [32_000, 64_000, 128_000, 256_000]

    private static func text(_ value: JSONValue?) throws -> String {
        guard let text = value?.text, !text.isEmpty else { throw MiniMaxError.invalid("text is empty") }
        guard text.unicodeScalars.count <= maximumText else {
            throw MiniMaxError.invalid("text is longer than \(maximumText) characters")
        }
        guard invisibleRatio(of: text) <= 0.1 else { throw MiniMaxError(1042) }
        return text
    }

    /// The share of `text` that is control and format characters, line breaks and tabs aside.
    static func invisibleRatio(of text: String) -> Double {
        let invisible = text.unicodeScalars.filter { scalar in
            switch scalar.properties.generalCategory {
            case .control: !["\n", "\r", "\t"].contains(scalar)
            case .format, .privateUse, .unassigned: true
            default: false
            }
        }
        return Double(invisible.count) / Double(text.unicodeScalars.count)
    }

    private static func flag(_ value: JSONValue?, _ name: String) throws -> Bool? {
        guard let value, !value.isNull else { return nil }
        guard let flag = value.flag else { throw MiniMaxError.invalid(name) }
        return flag
    }

    private static func number(_ value: JSONValue?, _ name: String, _ range: ClosedRange<Double>) throws -> Double? {
        guard let value, !value.isNull else { return nil }
        guard let number = value.double, range.contains(number) else { throw MiniMaxError.invalid(name) }
        return number
    }

    private static func integer(_ value: JSONValue?, _ name: String, _ allowed: [Int]) throws -> Int? {
        guard let value, !value.isNull else { return nil }
        guard let integer = value.integer, allowed.contains(integer) else { throw MiniMaxError.invalid(name) }
        return integer
    }
}
