import FastCGIWire
import Testing

@Suite("FastCGI name-value pairs")
struct NameValuePairTests {
    struct Row: Sendable, CustomTestStringConvertible {
        var testDescription: String
        var pair: NameValuePair
        var prefix: [UInt8]
    }

    /// Every length at which an encoder was once wrong, as name and as value: nginx issue 1648, monkey issue 278.
    static let rows = [0, 1, 127, 128, 300, 65_535].flatMap { name in
        [0, 1, 127, 128, 300, 65_535].map { value in
            Row(
                testDescription: "\(name) and \(value) bytes",
                pair: NameValuePair(String(repeating: "N", count: name), String(repeating: "v", count: value)),
                prefix: length(name) + length(value))
        }
    }

    static func length(_ count: Int) -> [UInt8] {
        count < 128 ? [UInt8(count)] : [0x80, 0, UInt8(count >> 8), UInt8(count & 255)]
    }

    @Test("lengths below 128 take one byte, all others four", arguments: rows)
    func encodes(_ row: Row) {
        let bytes = NameValuePair.encode([row.pair])
        #expect(Array(bytes.prefix(row.prefix.count)) == row.prefix)
        #expect(bytes.count == row.prefix.count + row.pair.name.utf8.count + row.pair.value.utf8.count)
    }

    @Test("what was written is read", arguments: rows)
    func decodes(_ row: Row) throws {
        let before = NameValuePair("A", "b")
        #expect(
            try Parameters(NameValuePair.encode([before, row.pair, before])).pairs == [
                before, row.pair, before,
            ])
    }

    @Test("a four-byte length below 128 is read too")
    func decodesLongForm() throws {
        #expect(try Parameters([0x80, 0, 0, 1, 1, 65, 66]).pairs == [NameValuePair("A", "B")])
    }

    @Test("a stream cut off anywhere inside a pair is refused, never half read")
    func refusesCutOff() throws {
        let whole = NameValuePair.encode([NameValuePair("NAME", String(repeating: "v", count: 130))])
        for count in 1..<whole.count {
            #expect(throws: WireError.malformedPairs) { try Parameters(Array(whole[..<count])) }
        }
    }

    @Test(
        "a length beyond the stream is refused",
        arguments: [[0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF], [127, 127, 1], [1, 0]] as [[UInt8]])
    func refusesLength(_ bytes: [UInt8]) {
        #expect(throws: WireError.malformedPairs) { try Parameters(bytes) }
    }

    @Test("what is not UTF-8 is kept readable")
    func repairs() throws {
        #expect(try Parameters([1, 1, 65, 0xFF]).pairs == [NameValuePair("A", "\u{FFFD}")])
    }
}
