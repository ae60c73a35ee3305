/// A parameter as FastCGI carries it (§3.4): both lengths, then both texts. A length below 128 takes one byte, any
/// other four with the top bit set.
public struct NameValuePair: Hashable, Sendable {
    public var name: String
    public var value: String

    public init(_ name: String, _ value: String) {
        self.name = name
        self.value = value
    }

    /// The pairs as the content of one stream.
    public static func encode(_ pairs: [NameValuePair]) -> [UInt8] {
        var bytes: [UInt8] = []
        for pair in pairs {
            append(length: pair.name.utf8.count, to: &bytes)
            append(length: pair.value.utf8.count, to: &bytes)
            bytes += pair.name.utf8
            bytes += pair.value.utf8
        }
        return bytes
    }

    /// Reads all pairs of a finished stream. What is not UTF-8 in it becomes U+FFFD.
    ///
    /// - Throws: ``WireError/malformedPairs`` when a length goes beyond the stream's end. Go's reader stops quietly
    ///   there and serves what it has got; a request that lost half of its parameters is not the request that was
    ///   sent.
    public static func decode(_ bytes: ArraySlice<UInt8>) throws(WireError) -> [NameValuePair] {
        var pairs: [NameValuePair] = []
        var rest = bytes
        while !rest.isEmpty {
            let nameLength = try takeLength(from: &rest)
            let valueLength = try takeLength(from: &rest)
            // Two lengths of at most 2³¹ - 1 cannot overflow an Int of 64 bits.
            guard nameLength + valueLength <= rest.count else { throw .malformedPairs }
            let valueStart = rest.startIndex + nameLength
            let end = valueStart + valueLength
            pairs.append(
                NameValuePair(
                    String(decoding: rest[..<valueStart], as: UTF8.self),
                    String(decoding: rest[valueStart..<end], as: UTF8.self)))
            rest = rest[end...]
        }
        return pairs
    }

    private static func append(length: Int, to bytes: inout [UInt8]) {
        if length < 128 {
            bytes.append(UInt8(length))
        } else {
            for shift in stride(from: 24, through: 0, by: -8) {
                bytes.append(UInt8(truncatingIfNeeded: length >> shift) | (shift == 24 ? 0x80 : 0))
            }
        }
    }

    private static func takeLength(from rest: inout ArraySlice<UInt8>) throws(WireError) -> Int {
        guard let first = rest.popFirst() else { throw .malformedPairs }
        guard first & 0x80 != 0 else { return Int(first) }
        guard rest.count >= 3 else { throw .malformedPairs }
        let length = rest.prefix(3).reduce(Int(first & 0x7F)) { $0 << 8 | Int($1) }
        rest.removeFirst(3)
        return length
    }
}
