import FastCGIWire
import Testing

@Suite("FastCGI response reader")
struct ResponseReaderTests {
    typealias Part = ResponseReader.Part

    static func parts(_ bytes: [UInt8], atOnce: Int) throws -> [Part] {
        var reader = ResponseReader()
        var parts: [Part] = []
        for start in stride(from: 0, to: bytes.count, by: atOnce) {
            reader.receive(Array(bytes[start..<min(start + atOnce, bytes.count)]))
            while let part = try reader.next() { parts.append(part) }
        }
        return parts
    }

    static func stdout(_ texts: String...) -> [UInt8] { texts.flatMap { Record(.stdout, id: 1, Array($0.utf8)).bytes } }

    static let end = Record(.stdout, id: 1).bytes + Record.end(id: 1).bytes

    @Test("a response gives its head, its body and its end, in pieces of any size", arguments: [1, 7, 10_000])
    func reads(_ atOnce: Int) throws {
        let bytes = Self.stdout("Status: 404 Not Found\r\nContent-Type: text/plain\r\nX-A:b \r\n\r\nnothing") + Self.end
        #expect(
            try Self.parts(bytes, atOnce: atOnce) == [
                .head(status: 404, fields: [NameValuePair("Content-Type", "text/plain"), NameValuePair("X-A", "b")]),
                .body(Array("nothing".utf8)[...]), .end(appStatus: 0),
            ])
    }

    @Test("the blank line is found wherever records split it, with either line end", arguments: ["\r\n", "\n"])
    func splitHead(_ lineEnd: String) throws {
        let text = Array("Status: 201 Created\(lineEnd)A: 1\(lineEnd)\(lineEnd)body".utf8)
        for split in 1..<text.count {
            let bytes =
                Record(.stdout, id: 1, Array(text[..<split])).bytes
                + Record(.stdout, id: 1, Array(text[split...])).bytes + Self.end
            let parts = try Self.parts(bytes, atOnce: bytes.count)
            #expect(parts.first == .head(status: 201, fields: [NameValuePair("A", "1")]), "split at \(split)")
            let body = parts.flatMap { if case .body(let bytes) = $0 { Array(bytes) } else { [UInt8]() } }
            #expect(body == Array("body".utf8), "split at \(split)")
        }
    }

    @Test("what is written to STDERR is never body")
    func keepsErrorsApart() throws {
        let bytes =
            Record(.stderr, id: 1, Array("oops".utf8)).bytes + Self.stdout("A: 1\n\n")
            + Record(.stderr, id: 1).bytes + Self.end
        #expect(
            try Self.parts(bytes, atOnce: bytes.count) == [
                .errorText(Array("oops".utf8)[...]), .head(status: 200, fields: [NameValuePair("A", "1")]),
                .end(appStatus: 0),
            ])
    }

    @Test("a refusal is an error", arguments: [ProtocolStatus.overloaded, .unknownRole, .cantMultiplex])
    func refusal(_ status: ProtocolStatus) {
        #expect(throws: WireError.refused(status)) { try Self.parts(Record.end(id: 1, status).bytes, atOnce: 100) }
    }

    @Test(
        "what is not a response head is refused",
        arguments: ["no colon here\n\n", "Status: abc\n\n", "Status: 20\n\n", String(repeating: "x", count: 70_000)])
    func refusesHead(_ text: String) {
        let bytes = Record.stream(.stdout, id: 1, Array(text.utf8)[...]) + Self.end
        #expect(throws: WireError.malformedResponseHead) { try Self.parts(bytes, atOnce: bytes.count) }
    }

    @Test("bytes after the end of the response are refused, since they would begin the next one")
    func refusesTrailing() {
        let bytes = Self.stdout("A: 1\n\n") + Self.end + Self.stdout("more")
        #expect(throws: WireError.unexpectedRecord(.stdout)) { try Self.parts(bytes, atOnce: bytes.count) }
    }

    @Test("a request is begun, its parameters and its body sent, and both ended")
    func writesRequest() {
        let bytes = ResponseReader.request([NameValuePair("A", "b")], body: [1, 2], keepConnection: true)
        let records: [Record] = [
            .begin(id: 1, keepConnection: true), Record(.params, id: 1, [1, 1, 65, 98]), Record(.params, id: 1),
            Record(.stdin, id: 1, [1, 2]), Record(.stdin, id: 1),
        ]
        #expect(bytes == records.flatMap(\.bytes))
    }
}
