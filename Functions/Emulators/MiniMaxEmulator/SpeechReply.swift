import EmulatorControl
import FunctionCore
import FunctionJSON

/// One finished piece of speech as MiniMax sends it: whole, or as the data of server-sent events.
struct SpeechReply: Sendable {
    /// Bytes of MP3 in one event of a stream.
    private static let chunk = 16 * 1_024

    private let request: SpeechRequest
    private let speech: Speech
    private let traceID: String

    init(to request: SpeechRequest, _ speech: Speech, traceID: String) {
        self.request = request
        self.speech = speech
        self.traceID = traceID
    }

    /// The answer in one piece, spoilt as `fault` wants.
    func whole(_ fault: Fault.Kind?) throws -> [UInt8] {
        switch fault {
        case .nullData: try envelope(.null, extra: extraInfo).bytes
        case .missingAudio: try envelope(["status": 2], extra: extraInfo).bytes
        case .badHex: try envelope(["audio": "not hexadecimal", "status": 2], extra: extraInfo).bytes
        default: try event(status: 2, hex: speech.hex[...], extra: extraInfo)
        }
    }

    func chunks(repeatsWhole: Bool) throws -> [[UInt8]] {
        let hex = speech.hex
        let parts = try stride(from: 0, to: hex.count, by: 2 * Self.chunk).map { start in
            try event(status: 1, hex: hex[start..<min(start + 2 * Self.chunk, hex.count)], extra: nil)
        }
        return parts + [try event(status: 2, hex: repeatsWhole ? hex[...] : [], extra: extraInfo)]
    }

    private var extraInfo: JSONValue {
        let characters = request.text.unicodeScalars.count
        let ratio = SpeechRequest.invisibleRatio(of: request.text)
        return [
            "audio_length": JSONValue(speech.facts.milliseconds),
            "audio_sample_rate": JSONValue(speech.facts.sampleRate), "audio_size": JSONValue(speech.mp3.count),
            "bitrate": JSONValue(speech.facts.bitrate), "word_count": JSONValue(characters),
            "invisible_character_ratio": .number("\(ratio)"), "usage_characters": JSONValue(characters),
            "audio_format": "mp3", "audio_channel": JSONValue(request.channels),
        ]
    }

    private func envelope(_ data: JSONValue, extra: JSONValue?) -> JSONValue {
        let json: JSONValue = [
            "data": data, "trace_id": .string(traceID), "base_resp": MiniMaxError.baseResp(),
        ]
        return extra.map { json.with("extra_info", $0) } ?? json
    }

    /// An envelope around audio. The digits, megabytes that need no escaping, are put in after the rest is written.
    private func event(status: Int, hex: ArraySlice<UInt8>, extra: JSONValue?) throws -> [UInt8] {
        let mark = Array("\"audio\":\"".utf8)
        var bytes = try envelope(["audio": "", "status": JSONValue(status)], extra: extra).bytes
        guard let start = bytes.indices.first(where: { bytes[$0...].starts(with: mark) }) else { return bytes }
        bytes.insert(contentsOf: hex, at: start + mark.count)
        return bytes
    }
}
