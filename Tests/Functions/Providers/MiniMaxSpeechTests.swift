import FunctionCore
import FunctionJSON
import HTTPTypes
import Testing
import Voice
import WebClient

@testable import Providers

@Suite struct MiniMaxSpeechTests {
    /// Silent frames of MPEG-1 layer III at 32 kHz and 64 kbit/s: 36 ms and 288 bytes each.
    static func mp3(frames: Int, bitrate: UInt8 = 0x58) -> [UInt8] {
        (0..<frames).flatMap { _ in [0xFF, 0xFB, bitrate, 0xC4] + [UInt8](repeating: 0, count: 284) }
    }

    static func body(
        audio: String, length: Int?, status: String = #"{"status_code":0,"status_msg":"success"}"#
    ) -> String {
        let info = length.map { #","extra_info":{"audio_length":\#($0),"bitrate":64000}"# } ?? ""
        return #"{"data":{"audio":"\#(audio)","status":2}\#(info),"trace_id":"01b8bf","base_resp":\#(status)}"#
    }

    static let good = body(audio: mp3(frames: 100).hex, length: 3_600)

    static func speak(
        _ transport: FakeTransport, group: String? = nil, _ text: String = "Hello."
    ) async throws -> (audio: [UInt8], milliseconds: Int) {
        var audio: [UInt8] = []
        let milliseconds = try await transport.miniMax(group: group).speak(
            try SpokenText(validating: text), voice: .professionalFemale, deadline: .now + .seconds(40)
        ) { audio += $0 }
        return (audio, milliseconds)
    }

    @Test("a request asks for mono MP3 at 64 kbit/s and 32 kHz, in hexadecimal, in a real voice")
    func request() async throws {
        let transport = FakeTransport(.response(200, Self.good))
        _ = try await Self.speak(transport)
        let sent = try #require(transport.requests.first)
        #expect(sent.url == "http://tts.test/v1/t2a_v2")
        #expect(sent.responseLimit == 32 * 1_024 * 1_024)
        #expect(sent.fields[.authorization] == "Bearer \(FakeTransport.secret)")
        let body = try #require(transport.lastBody)
        #expect(body["text"] == .string("Hello."))
        #expect(body["stream"] == .bool(false))
        #expect(body["output_format"] == .string("hex"))
        #expect(body["voice_setting"]?["voice_id"] == .string("English_compelling_lady1"))
        #expect(
            body["audio_setting"]
                == .object([
                    "format": .string("mp3"), "channel": .number("1"), "sample_rate": .number("32000"),
                    "bitrate": .number("64000"),
                ]))
        #expect(Set(VoicePreset.allCases.map(\.miniMaxID)).count == VoicePreset.allCases.count)
    }

    @Test("the group goes into the query, where alone it is read")
    func group() async throws {
        let transport = FakeTransport(.response(200, Self.good))
        _ = try await Self.speak(transport, group: "12 34&x")
        #expect(transport.requests.first?.url == "http://tts.test/v1/t2a_v2?GroupId=12%2034%26x")
    }

    @Test("audio and its length come out as they are, in lower or upper case, announced or measured")
    func answers() async throws {
        let audio = Self.mp3(frames: 100)
        for (hex, length, expected) in [
            (audio.hex, 3_600, 3_600), (audio.hex.uppercased(), 3_640, 3_640), (audio.hex, nil, 3_600),
        ] {
            let speech = try await Self.speak(FakeTransport(.response(200, Self.body(audio: hex, length: length))))
            #expect(speech == (audio, expected))
        }
    }

    @Test(
        "an answer that is no recording is garbage",
        arguments: [
            "", "<html>", "null", "{}", #"{"base_resp":{"status_code":0}}"#,
            #"{"data":null,"base_resp":{"status_code":0,"status_msg":"success"}}"#,
            #"{"data":{"audio":""},"base_resp":{"status_code":0}}"#,
            #"{"data":{"audio":7},"base_resp":{"status_code":0}}"#,
            body(audio: String(mp3(frames: 10).hex.dropLast()), length: 360),
            body(audio: "zz" + mp3(frames: 10).hex, length: 360),
            body(audio: "00ff00ff", length: 360), body(audio: Array("ID3 hello".utf8).hex, length: 360),
            body(audio: mp3(frames: 50).hex, length: 3_600), body(audio: mp3(frames: 100).hex, length: 0),
            body(audio: mp3(frames: 100).hex, length: 36_000),
            #"{"data":{"audio":"\#(mp3(frames: 10).hex)"}}"#,
        ])
    func garbage(_ body: String) async throws {
        let transport = FakeTransport(.response(200, body))
        let error = try await providerError { _ = try await Self.speak(transport) }
        #expect(error?.kind == .garbage)
        #expect(transport.requests.count == 1)
    }

    @Test(
        "status codes, which come with 200 and without data, are sorted, and repeated where that can help",
        arguments: [
            (1000, ProviderError.Kind.unavailable, 3), (1001, .timedOut, 3), (1002, .rateLimited, 3),
            (1004, .misconfigured, 1),
            (1008, .misconfigured, 1), (1024, .unavailable, 3), (1026, .rejected, 1), (1027, .rejected, 1),
            (1033, .unavailable, 3),
            (1039, .rateLimited, 3), (1041, .rateLimited, 3), (1042, .rejected, 1), (2013, .rejected, 1),
            (2042, .misconfigured, 1),
            (2045, .rateLimited, 3), (2049, .misconfigured, 1), (2054, .misconfigured, 1), (2056, .rateLimited, 1),
            (20132, .misconfigured, 1), (9999, .rejected, 1),
        ])
    func statusCodes(_ code: Int, _ kind: ProviderError.Kind, _ attempts: Int) async throws {
        let transport = FakeTransport(
            .response(200, #"{"data":null,"trace_id":"01b8bf","base_resp":{"status_code":\#(code),"status_msg":"m"}}"#))
        let error = try await providerError { _ = try await Self.speak(transport) }
        #expect(error?.kind == kind)
        #expect(error?.traceID == "01b8bf")
        #expect(error?.detail == "200 status_code \(code)")
        #expect(transport.requests.count == attempts)
    }

    @Test(
        "HTTP statuses count where there is no status code",
        arguments: [(500, ProviderError.Kind.unavailable), (401, .misconfigured), (429, .rateLimited)])
    func statuses(_ status: Int, _ kind: ProviderError.Kind) async throws {
        let error = try await providerError { _ = try await Self.speak(FakeTransport(.response(status, "<html>"))) }
        #expect(error?.kind == kind)
    }

    @Test("an MP3's length is that of its whole frames, whatever stands before and after them")
    func measuring() {
        let frames = Self.mp3(frames: 50)
        let tag = Array("ID3".utf8) + [4, 0, 0, 0, 0, 1, 2] + [UInt8](repeating: 7, count: 130)
        #expect(MP3.milliseconds(of: frames) == 1_800)
        #expect(MP3.milliseconds(of: tag + frames) == 1_800)
        #expect(MP3.milliseconds(of: frames + Array("TAG".utf8) + [UInt8](repeating: 0, count: 125)) == 1_800)
        #expect(MP3.milliseconds(of: Array(frames.dropLast(10))) == 1_764)
        #expect(MP3.milliseconds(of: []) == nil)
        #expect(MP3.milliseconds(of: Array("RIFF".utf8) + frames) == nil)
        #expect(MP3.milliseconds(of: [0xFF, 0xFB, 0x58]) == nil)
        #expect(MP3.milliseconds(of: [UInt8](repeating: 0xFF, count: 1_000)) == nil)
    }
}
