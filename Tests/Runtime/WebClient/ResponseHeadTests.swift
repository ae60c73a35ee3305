import HTTPTypes
import Testing

@testable import WebClient

@Suite("WebClient: the lines of a head")
struct ResponseHeadTests {
    @Test("pass - status and fields")
    func wellFormed() throws {
        var head = ResponseHead(limit: 1_000)
        for line in ["HTTP/1.1 200 Very OK\r\n", "A:1\r\n", "b:\t two words \r\n", "Content-Length: 42\r\n"] {
            #expect(try head.take(line) == false)
        }
        #expect(try head.take("\r\n") == true)
        #expect(head.status == .ok)
        #expect(head.status?.reasonPhrase == "Very OK")
        #expect(head.fields.map { "\($0.name.rawName)=\($0.value)" } == ["A=1", "b=two words", "Content-Length=42"])
        #expect(head.declaredLength == 42)
        #expect(try head.take("Trailer: ignored\r\n") == false)
        #expect(head.fields.count == 3)
    }

    @Test("pass - HTTP/2 has no reason, and old servers end lines with LF")
    func variants() throws {
        for line in ["HTTP/2 404 \r\n", "HTTP/2 404\r\n", "HTTP/1.0 404 Not Found\n"] {
            var head = ResponseHead(limit: 1_000)
            _ = try head.take(line)
            #expect(try head.take("\n"))
            #expect(head.status == .notFound)
        }
    }

    @Test("pass - a folded line continues the value before it")
    func folded() throws {
        var head = ResponseHead(limit: 1_000)
        for line in ["HTTP/1.1 200 OK\r\n", "X: one\r\n", "  two\r\n", "\tthree\r\n"] { _ = try head.take(line) }
        #expect(head.fields.map(\.value) == ["one two three"])
    }

    @Test(
        "fail - lines that are not HTTP",
        arguments: [
            ["\r\n"], ["HTTP/1.1\r\n"], ["HTTP/1.1 20\r\n"], ["HTTP/1.1 2000 OK\r\n"], ["HTTP/1.1 099 Low\r\n"],
            ["HTTP/1.1 +20 OK\r\n"], ["HTTP/1.1 200 OK\r\n", "no colon\r\n"], ["HTTP/1.1 200 OK\r\n", ": no name\r\n"],
            ["HTTP/1.1 200 OK\r\n", "bad name: x\r\n"], ["HTTP/1.1 200 OK\r\n", " folded first\r\n"],
        ])
    func malformed(_ lines: [String]) {
        var head = ResponseHead(limit: 1_000)
        #expect(throws: ResponseHead.Failure.malformed) {
            for line in lines { _ = try head.take(line) }
        }
    }

    @Test("fail - more bytes than allowed, over heads and trailers together")
    func limit() throws {
        var head = ResponseHead(limit: 46)
        for line in ["HTTP/1.1 100 C\r\n", "\r\n", "HTTP/1.1 200 OK\r\n", "\r\n", "Tr: a\r\n"] {
            _ = try head.take(line)
        }
        #expect(throws: ResponseHead.Failure.tooLarge) { try head.take("Tr: b\r\n") }
    }
}

extension ResponseHead {
    fileprivate mutating func take(_ line: String) throws -> Bool {
        let bytes = Array(line.utf8)
        return try bytes.withUnsafeBytes { try take($0) }
    }
}
