import EmulatorControl
import FoundationEssentials
import FunctionJSON
import FunctionTesting
import HTTPTypes
import Subprocess
import Testing

@Suite struct MiniMaxTests {
    private let emulation = Emulation()

    private func speak(
        _ text: String, voice: String = "English_compelling_lady1", audio: JSONValue = [:],
        _ more: [String: JSONValue] = [:],
        key: String? = Emulation.key, query: String = ""
    ) async throws -> TestResponse {
        let body: [String: JSONValue] = [
            "model": "speech-2.8-turbo", "text": .string(text), "voice_setting": ["voice_id": .string(voice)],
            "audio_setting": audio,
        ]
        return try await emulation.call(
            "/v1/t2a_v2\(query)", .object(body.merging(more) { _, new in new }), key: key)
    }

    /// The MP3 of a successful answer.
    private func mp3(_ json: JSONValue) throws -> [UInt8] {
        let hex = try #require(json.at("data.audio").text)
        return try #require([UInt8](hex: hex))
    }

    /// What `soxi` says of an MP3: `-D` its seconds, `-r` its sample rate, `-c` its channels.
    private func soxi(_ option: String, _ mp3: [UInt8]) async throws -> Double {
        let path = FileManager.default.temporaryDirectory.appending(path: "emulator-\(UUID().uuidString).mp3")
        try Data(mp3).write(to: path)
        defer { try? FileManager.default.removeItem(at: path) }
        let result = try await run(
            .name("soxi"), arguments: [option, path.path()], output: .string(limit: 1_024), error: .discarded)
        let text = result.standardOutput
        return try #require(Double(text.split(whereSeparator: \.isWhitespace).first ?? ""))
    }

    @Test(arguments: [
        (64_000, 32_000, 1), (128_000, 44_100, 2), (32_000, 8_000, 1), (32_000, 16_000, 1), (64_000, 22_050, 1),
        (128_000, 24_000, 1),
    ])
    func `the announced length is what soxi measures`(bitrate: Int, rate: Int, channels: Int) async throws {
        let text = "We are open from nine to five, Monday to Friday. Please call again tomorrow."
        let response = try await speak(
            text,
            audio: [
                "format": "mp3", "bitrate": JSONValue(bitrate), "sample_rate": JSONValue(rate),
                "channel": JSONValue(channels),
            ])
        let json = try response.json
        let audio = try mp3(json)
        let extra = json.at("extra_info")
        let milliseconds = try #require(extra["audio_length"]?.integer)
        #expect(milliseconds > 2_000 && milliseconds < 12_000)
        #expect(abs(Double(milliseconds) / 1_000 - (try await soxi("-D", audio))) < 0.05)
        #expect(try await soxi("-r", audio) == Double(rate))
        #expect(try await soxi("-c", audio) == Double(channels))
        #expect(extra["audio_sample_rate"]?.integer == rate && extra["audio_channel"]?.integer == channels)
        #expect(extra["bitrate"]?.integer == bitrate && extra["audio_size"]?.integer == audio.count)
        #expect(extra["audio_format"] == "mp3" && extra["usage_characters"]?.integer == text.count)
    }

    @Test func `an answer has base_resp, status 2, a trace id and its header`() async throws {
        let response = try await speak("Hello.")
        let json = try response.json
        #expect(json.at("base_resp") == ["status_code": 0, "status_msg": "success"])
        #expect(json.at("data.status") == 2)
        #expect(json.at("trace_id").text == response.fields[HTTPField.Name("Trace-Id")!])
    }

    @Test func `every preset's voice sounds different`() async throws {
        var heard: Set<[UInt8]> = []
        let voices = [
            "English_compelling_lady1", "English_Trustworth_Man", "English_SereneWoman", "English_Gentle-voiced_man",
        ]
        for voice in voices { heard.insert(try mp3(try await speak("Good morning.", voice: voice).json)) }
        #expect(heard.count == voices.count)
    }

    @Test func `speed and pauses change the length`() async throws {
        func length(_ text: String, speed: JSONValue = 1) async throws -> Int {
            let voice: JSONValue = ["voice_id": "English_Trustworth_Man", "speed": speed]
            return try await speak(text, ["voice_setting": voice]).json.at("extra_info.audio_length").integer ?? 0
        }
        let plain = try await length("Good morning. How are you today?")
        #expect(try await length("Good morning. How are you today?", speed: 2) < plain * 3 / 4)
        let paused = try await length("Good morning.<#2.5#> How are you today?")
        #expect((2_000...3_500).contains(paused - plain), "\(paused) \(plain)")
    }

    @Test func `text that cannot be spoken is a short silence`() async throws {
        #expect(try await speak("<#1#>").json.at("extra_info.audio_length").integer ?? 0 >= 1_000)
        #expect(try await speak("…").json.at("base_resp.status_code") == 0)
    }

    @Test func `ten thousand characters make minutes of speech, and come at once the second time`() async throws {
        let text = String(
            String(repeating: "We are open from nine to five, Monday to Friday. ", count: 250).prefix(10_000))
        let audio: JSONValue = ["bitrate": 64_000]
        let response = try await speak(text, audio: audio)
        let json = try response.json
        let milliseconds = try #require(json.at("extra_info.audio_length").integer)
        #expect(milliseconds > 300_000)
        #expect(abs(Double(milliseconds) / 1_000 - (try await soxi("-D", try mp3(json)))) < 0.05)
        var quickest = Duration.seconds(60)
        for _ in 1...3 where quickest > .seconds(5) {
            let start = ContinuousClock.now
            #expect(try await speak(text, audio: audio).body.count == response.body.count)
            quickest = min(quickest, start.duration(to: .now))
        }
        #expect(quickest < .seconds(5))
    }

    @Test func `a stream's parts are the audio, and its last event repeats the whole unless asked not to`() async throws
    {
        let whole = try await speak("Good morning, and welcome.").json.at("data.audio").text
        for excluded in [false, true] {
            let response = try await speak(
                "Good morning, and welcome.",
                ["stream": true, "stream_options": ["exclude_aggregated_audio": .bool(excluded)]])
            #expect(response.fields[.contentType] == "text/event-stream")
            #expect(!response.text.contains("[DONE]"))
            let events = try response.text.components(by: "\n\n").map {
                try JSONValue(parsing: Array($0.dropFirst(6).utf8))
            }
            let parts = events.filter { $0.at("data.status") == 1 }.compactMap { $0.at("data.audio").text }
            #expect(parts.joined() == whole)
            #expect(events.last?.at("data.status") == 2)
            #expect(events.last?.at("data.audio").text == (excluded ? "" : whole))
            #expect(events.last?.at("extra_info.audio_length").integer != nil)
        }
    }

    static let refusals: [(String, [String: JSONValue], Int)] = [
        ("no text", ["text": ""], 2013), ("long text", ["text": .string(String(repeating: "a", count: 10_001))], 2013),
        ("unknown model", ["model": "speech-01"], 2013), ("no voice", ["voice_setting": [:]], 2013),
        ("unknown voice", ["voice_setting": ["voice_id": "female-professional-en"]], 2054),
        ("too fast", ["voice_setting": ["voice_id": "Calm_Woman", "speed": 3]], 2013),
        ("wav", ["audio_setting": ["format": "wav"]], 2013),
        ("odd rate", ["audio_setting": ["sample_rate": 12_345]], 2013),
        ("odd bitrate", ["audio_setting": ["bitrate": 96_000]], 2013), ("url", ["output_format": "url"], 2013),
        ("control characters", ["text": "a\u{1}\u{2}b"], 1042),
    ]

    @Test(arguments: refusals)
    func `a refusal is HTTP 200 with its code and data null`(
        _: String, change: [String: JSONValue], code: Int
    ) async throws {
        let response = try await speak("Hello.", change)
        #expect(response.status == .ok)
        #expect(try response.json.at("base_resp.status_code").integer == code, "\(response.text)")
        #expect(try response.json["data"] == .null)
    }

    @Test(arguments: [
        (nil, "", 1_004), ("wrong", "", 2_049), (Emulation.key, "?GroupId=other", 1_004),
        (Emulation.key, "?GroupId=group-1", 0),
    ])
    func `key and group are checked under HTTP 200`(key: String?, query: String, code: Int) async throws {
        let response = try await speak("Hello.", key: key, query: query)
        #expect(response.status == .ok)
        #expect(try response.json.at("base_resp.status_code").integer == code)
    }

    @Test(
        arguments: [
            (["fault": "unauthorized"], 200, 2049), (["fault": "rate_limited"], 200, 1002),
            (["fault": "token_limit"], 200, 1039),
            (["fault": "base_resp", "code": 1008], 200, 1008), (["fault": "server_error"], 500, 1024),
            (["fault": "unavailable"], 503, 1033),
        ] as [(JSONValue, Int, Int)])
    func `a queued refusal is said once`(fault: JSONValue, status: Int, code: Int) async throws {
        try await emulation.fault(.minimax, fault)
        let refused = try await speak("Hello.")
        #expect(refused.status.code == status)
        #expect(try refused.json.at("base_resp.status_code").integer == code)
        #expect(try await speak("Hello.").json.at("base_resp.status_code") == 0)
    }

    @Test func `answers can lack what they should have`() async throws {
        try await emulation.fault(.minimax, ["fault": "null_data"])
        #expect(try await speak("Hello.").json["data"] == .null)
        try await emulation.fault(.minimax, ["fault": "missing_audio"])
        #expect(try await speak("Hello.").json["data"] == ["status": 2])
        try await emulation.fault(.minimax, ["fault": "bad_hex"])
        #expect(try await speak("Hello.").json.at("data.audio") == "not hexadecimal")
    }
}

extension [UInt8] {
    /// Reads pairs of lower-case digits.
    init?(hex: String) {
        func value(_ digit: UInt8) -> UInt8? {
            switch digit {
            case UInt8(ascii: "0")...UInt8(ascii: "9"): digit - UInt8(ascii: "0")
            case UInt8(ascii: "a")...UInt8(ascii: "f"): digit - UInt8(ascii: "a") + 10
            default: nil
            }
        }
        self.init()
        var digits = hex.utf8.makeIterator()
        while let first = digits.next() {
            guard let high = value(first), let low = digits.next().flatMap(value) else { return nil }
            append(high << 4 | low)
        }
    }
}
