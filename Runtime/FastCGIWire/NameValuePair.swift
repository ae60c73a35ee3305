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

    private static func append(length: Int, to bytes: inout [UInt8]) {
        if length < 128 {
            bytes.append(UInt8(length))
        } else {
            for shift in stride(from: 24, through: 0, by: -8) {
                bytes.append(UInt8(truncatingIfNeeded: length >> shift) | (shift == 24 ? 0x80 : 0))
            }
        }
    }
}
