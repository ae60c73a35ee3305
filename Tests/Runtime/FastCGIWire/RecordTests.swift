import FastCGIWire
import Testing

@Suite("FastCGI records")
struct RecordTests {
    /// `#expect` cannot call what changes a variable.
    func next(_ decoder: inout RecordDecoder) throws -> Record? { try decoder.next() }

    struct Row: Sendable, CustomTestStringConvertible {
        var testDescription: String
        var record: Record
        var bytes: [UInt8]
    }

    static let rows = [
        Row(
            testDescription: "begin request 1, responder, keep the connection",
            record: .begin(id: 1, keepConnection: true),
            bytes: [1, 1, 0, 1, 0, 8, 0, 0, 0, 1, 1, 0, 0, 0, 0, 0]),
        Row(
            testDescription: "begin request 32767 and close",
            record: .begin(id: 32_767, keepConnection: false),
            bytes: [1, 1, 0x7F, 0xFF, 0, 8, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0]),
        Row(
            testDescription: "end request, application status 0x01020304",
            record: .end(id: 1, appStatus: 0x0102_0304),
            bytes: [1, 3, 0, 1, 0, 8, 0, 0, 1, 2, 3, 4, 0, 0, 0, 0]),
        Row(
            testDescription: "end request, overloaded",
            record: .end(id: 513, .overloaded),
            bytes: [1, 3, 2, 1, 0, 8, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0]),
        Row(
            testDescription: "the end of a stream",
            record: Record(.stdin, id: 1),
            bytes: [1, 5, 0, 1, 0, 0, 0, 0]),
        Row(
            testDescription: "five bytes padded by three",
            record: Record(.stdout, id: 1, Array("hello".utf8)),
            bytes: [1, 6, 0, 1, 0, 5, 3, 0] + Array("hello".utf8) + [0, 0, 0]),
        Row(
            testDescription: "65,535 bytes padded by one",
            record: Record(.data, id: 1, [UInt8](repeating: 7, count: 65_535)),
            bytes: [1, 8, 0, 1, 0xFF, 0xFF, 1, 0] + [UInt8](repeating: 7, count: 65_535) + [0]),
        Row(
            testDescription: "a type that does not exist",
            record: Record(RecordType(rawValue: 200), id: 0, [1]),
            bytes: [1, 200, 0, 0, 0, 1, 7, 0, 1, 0, 0, 0, 0, 0, 0, 0]),
    ]

    @Test("a record is written as these bytes", arguments: rows)
    func encodes(_ row: Row) {
        #expect(row.record.bytes == row.bytes)
    }

    @Test("these bytes are read as one record", arguments: rows)
    func decodes(_ row: Row) throws {
        var decoder = RecordDecoder()
        decoder.append(row.bytes)
        #expect(try next(&decoder) == row.record)
        #expect(try next(&decoder) == nil)
        #expect(!decoder.isInsideRecord)
    }

    @Test("a byte at a time gives the same record, and only after its last byte", arguments: rows)
    func decodesByteByByte(_ row: Row) throws {
        var decoder = RecordDecoder()
        for byte in row.bytes.dropLast() {
            decoder.append([byte])
            #expect(try next(&decoder) == nil)
        }
        #expect(decoder.isInsideRecord)
        decoder.append([row.bytes[row.bytes.count - 1]])
        #expect(try next(&decoder) == row.record)
    }

    @Test("all records in one piece come out in order")
    func decodesMany() throws {
        var decoder = RecordDecoder()
        decoder.append(Self.rows.flatMap(\.bytes))
        for row in Self.rows { #expect(try decoder.next() == row.record) }
        #expect(try next(&decoder) == nil)
    }

    @Test("padding and the reserved byte may hold anything, up to 255 bytes")
    func ignoresPadding() throws {
        var decoder = RecordDecoder()
        decoder.append(
            [1, 5, 0, 1, 0, 1, 255, 99, 42] + [UInt8](repeating: 0xEE, count: 255) + [1, 5, 0, 1, 0, 0, 0, 0])
        #expect(try next(&decoder) == Record(.stdin, id: 1, [42]))
        #expect(try next(&decoder) == Record(.stdin, id: 1))
    }

    @Test("another version is refused", arguments: [0, 2, 72] as [UInt8])
    func refusesVersion(_ version: UInt8) {
        var decoder = RecordDecoder()
        decoder.append([version, 1, 0, 1, 0, 0, 0, 0])
        #expect(throws: WireError.unsupportedVersion(version)) { _ = try decoder.next() }
    }

    @Test(
        "a stream of this many bytes is split below 65,528 and loses nothing",
        arguments: [0, 1, 65_527, 65_528, 65_529, 65_535, 65_536, 200_000])
    func splitsStreams(_ count: Int) throws {
        let bytes = (0..<count).map { UInt8(truncatingIfNeeded: $0 ^ $0 >> 8) }
        var decoder = RecordDecoder()
        decoder.append(Record.stream(.stdout, id: 1, bytes[...]))
        var joined: [UInt8] = []
        while let record = try decoder.next() {
            #expect(!record.content.isEmpty, "an empty record would end the stream")
            #expect(record.content.count <= 65_528)
            joined += record.content
        }
        #expect(joined == bytes)
    }
}
