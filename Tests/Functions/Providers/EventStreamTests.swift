import Testing
import Voice

@testable import Providers

@Suite struct EventStreamTests {
    struct Row: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let stream: String
        let events: [String]

        init(_ name: String, _ stream: String, _ events: [String]) {
            (testDescription, self.stream, self.events) = (name, stream, events)
        }
    }

    static let rows = [
        Row("one event", "data: a\n\n", ["a"]), Row("no space after the colon", "data:a\n\n", ["a"]),
        Row("two spaces", "data:  a\n\n", [" a"]), Row("CRLF", "data: a\r\n\r\ndata: b\r\n\r\n", ["a", "b"]),
        Row("CR alone", "data: a\r\rdata: b\r\r", ["a", "b"]), Row("many lines", "data: a\ndata: b\n\n", ["a\nb"]),
        Row("a comment", ": ping\n\ndata: a\n\n: ping\n\n", ["a"]),
        Row("a comment within", "data: a\n: x\ndata: b\n\n", ["a\nb"]),
        Row("other fields", "event: x\nid: 1\nretry: 5\ndata: a\n\n", ["a"]),
        Row("blank lines", "\n\n\ndata: a\n\n\n", ["a"]),
        Row("a name that begins alike", "database: a\n\ndata: b\n\n", ["b"]),
        Row("data without colon", "data\n\n", [""]),
        Row("many bytes a character", "data: é😀ह\n\n", ["é😀ह"]),
        Row("a colon in the value", "data: a: b\n\n", ["a: b"]),
        Row("no blank line at the end", "data: a\n\ndata: b\n", ["a", "b"]),
        Row("no line end at the end", "data: a", ["a"]),
        Row("nothing", "", []),
    ]

    @Test("a stream gives the same events whole, byte by byte and cut anywhere", arguments: rows)
    func cutting(_ row: Row) throws {
        let bytes = Array(row.stream.utf8)
        var cuts = [[bytes], bytes.map { [$0] }]
        for cut in bytes.indices { cuts.append([Array(bytes[..<cut]), Array(bytes[cut...])]) }
        for pieces in cuts {
            var parser = ServerSentEvents()
            var events: [[UInt8]] = []
            for piece in pieces { events += try parser.append(piece) }
            if let last = parser.finish() { events.append(last) }
            #expect(events.map { String(decoding: $0, as: UTF8.self) } == row.events)
        }
    }

    @Test("an event larger than the limit is refused before it is complete")
    func limit() {
        var parser = ServerSentEvents(limit: 100)
        #expect(throws: EventTooLarge.self) {
            try parser.append(Array("data: \(String(repeating: "x", count: 100))".utf8))
        }
        var lines = ServerSentEvents(limit: 100)
        #expect(throws: EventTooLarge.self) {
            try lines.append(Array(String(repeating: "data: xxxxxxx\n", count: 20).utf8))
        }
    }

    static let chat = """
        : keep-alive\r\n\r\n\
        data: {"choices":[{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":null}],"usage":null}\r\n\r\n\
        data: {"choices":[{"delta":{"content":"Héllo "}}],"obfuscation":"x"}\r\n\r\n\
        data: {"choices":[{"index":0,"delta":{"content":"😀"},"finish_reason":null}]}\r\n\r\n\
        data: {"choices":[{"index":0,"delta":{},"finish_reason":"length"}]}\r\n\r\n\
        data: {"choices":[],"usage":{"total_tokens":7}}\r\n\r\n\
        data: [DONE]\r\n\r\n
        """

    @Test("a chat stream gives its pieces of text and how it ended, also byte by byte")
    func chatStream() throws {
        for pieces in [[Array(Self.chat.utf8)], Self.chat.utf8.map { [$0] }] {
            var stream = ChatStream()
            var output: [ChatStream.Output] = []
            for piece in pieces { output += try stream.append(piece) }
            #expect(output == [.text("Héllo "), .text("😀")])
            #expect(stream.end == .cutShort)
        }
    }

    @Test("an error in the middle of a stream is told, with its code")
    func midStreamError() throws {
        var stream = ChatStream()
        let output = try stream.append(
            Array(
                "data: {\"choices\":[{\"delta\":{\"content\":\"a\"}}]}\n\ndata: {\"error\":{\"message\":\"m\",\"code\":\"server_error\"}}\n\n"
                    .utf8))
        #expect(output == [.text("a"), .failed(code: "server_error")])
        #expect(stream.end == nil)
    }

    @Test("a stream that breaks off has no end; one that finishes without [DONE] has")
    func ends() throws {
        var broken = ChatStream()
        _ = try broken.append(Array("data: {\"choices\":[{\"delta\":{\"content\":\"a\"}}]}\n\n".utf8))
        _ = try broken.finish()
        #expect(broken.end == nil)
        var finished = ChatStream()
        _ = try finished.append(Array("data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}]}".utf8))
        _ = try finished.finish()
        #expect(finished.end == .finished)
    }

    @Test("data that is not JSON is no chat stream")
    func notJSON() {
        var stream = ChatStream()
        #expect(throws: NotAChatStream.self) { try stream.append(Array("data: <html>\n\n".utf8)) }
    }
}
