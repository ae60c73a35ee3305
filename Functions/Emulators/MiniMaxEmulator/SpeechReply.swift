import EmulatorControl
import FunctionCore
import FunctionJSON

/// One finished piece of speech, and its two wire forms.
struct SpeechReply: Sendable {
    /// Bytes of MP3 in one event of a stream.
    private static let chunk = 16 * 1_024

    private let request: SpeechRequest
    private let mp3: [UInt8]
    private let traceID: String

    init(to request: SpeechRequest, mp3: [UInt8], traceID: String) {
        self.request = request
        self.mp3 = mp3
        self.traceID = traceID
    }

    /// The answer in one piece, spoilt as `fault` wants.
    func whole(_ fault: Fault.Kind?) -> JSONValue {
        var data: JSONValue = ["audio": .string(mp3.hex), "status": 2]
        switch fault {
        case .nullData: data = .null
        case .missingAudio: data = data.with("audio", nil)
        case .badHex: data = data.with("audio", "not hexadecimal")
        default: break
        }
        return envelope(data, extra: extraInfo)
    }

    func chunks(repeatsWhole: Bool) -> [JSONValue] {
        var chunks = stride(from: 0, to: mp3.count, by: Self.chunk).map { start in
            let end = min(start + Self.chunk, mp3.count)
            return envelope(["audio": .string(mp3[start..<end].hex), "status": 1], extra: nil)
        }
        chunks.append(envelope(["audio": .string(repeatsWhole ? mp3.hex : ""), "status": 2], extra: extraInfo))
        return chunks
    }

    private var extraInfo: JSONValue {
        let facts = MP3(reading: mp3)
        let characters = request.text.unicodeScalars.count
        let ratio = SpeechRequest.invisibleRatio(of: request.text)
        return [
            "audio_length": JSONValue(facts.milliseconds), "audio_sample_rate": JSONValue(facts.sampleRate),
            "audio_size": JSONValue(mp3.count), "bitrate": JSONValue(facts.bitrate),
            "word_count": JSONValue(characters), "invisible_character_ratio": .number("\(ratio)"),
            "usage_characters": JSONValue(characters), "audio_format": "mp3",
            "audio_channel": JSONValue(request.channels),
        ]
    }

    private func envelope(_ data: JSONValue, extra: JSONValue?) -> JSONValue {
        let json: JSONValue = [
            "data": data, "trace_id": .string(traceID), "base_resp": MiniMaxError.baseResp(),
        ]
        return extra.map { json.with("extra_info", $0) } ?? json
    }
}
