import Testing

@testable import ServeAudio

/// `Range` fields (RFC 9110 §14.1.2) of a representation of 100 bytes.
@Suite struct ByteRangeTests {
    static let table: [(String?, ByteRange)] = [
        (nil, .whole), ("bytes=0-0", .part(first: 0, last: 0)), ("bytes=0-99", .part(first: 0, last: 99)),
        ("bytes=10-", .part(first: 10, last: 99)), ("bytes=10-1000", .part(first: 10, last: 99)),
        ("bytes=-1", .part(first: 99, last: 99)), ("bytes=-1000", .part(first: 0, last: 99)),
        ("bytes=100-", .unsatisfiable), ("bytes=-0", .unsatisfiable), ("bytes=5-4", .whole), ("bytes=0-1,5-6", .whole),
        ("items=0-1", .whole), ("bytes=", .whole), ("bytes=-", .whole), ("bytes=a-b", .whole), ("bytes=+1-2", .whole),
        ("bytes=99999999999999999999-", .whole), ("bytes=0-99999999999999999999", .whole),
    ]

    @Test("a range is read by the rule", arguments: table.indices)
    func rows(_ index: Int) {
        let (field, expected) = Self.table[index]
        #expect(ByteRange(field, length: 100) == expected, "\(field ?? "none")")
    }

    @Test("nothing can be asked of nothing")
    func empty() {
        #expect(ByteRange("bytes=0-", length: 0) == .unsatisfiable)
        #expect(ByteRange("bytes=-5", length: 0) == .unsatisfiable)
    }
}
