extension [UInt8] {
    /// Appends a JSON string (RFC 8259 §7), quotes included.
    ///
    /// Escapes what JSON must, and DEL, U+2028 and U+2029, which end a line or vanish for some readers of logs.
    public mutating func append(json text: String) {
        append(UInt8(ascii: "\""))
        text.withBytes { bytes in
            if !bytes.contains(where: Self.mayNeedEscape) { return append(contentsOf: bytes) }
            var index = 0
            while index < bytes.count {
                index += appendEscaped(bytes[index], followedBy: bytes[(index + 1)...])
            }
        }
        append(UInt8(ascii: "\""))
    }

    private static func mayNeedEscape(_ byte: UInt8) -> Bool {
        // U+2028 and U+2029 are E2 80 A8 and E2 80 A9.
        byte < 0x20 || byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") || byte == 0x7F || byte == 0xE2
    }

    /// - Returns: how many bytes were dealt with.
    private mutating func appendEscaped(_ byte: UInt8, followedBy rest: Slice<UnsafeBufferPointer<UInt8>>) -> Int {
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"):
            append(UInt8(ascii: "\\"))
            append(byte)
        case 0x0A: self += "\\n".utf8
        case 0x0D: self += "\\r".utf8
        case 0x09: self += "\\t".utf8
        case 0..<0x20, 0x7F: self += "\\u00\([byte].hex)".utf8
        case 0xE2 where rest.starts(with: [0x80, 0xA8]) || rest.starts(with: [0x80, 0xA9]):
            self += rest.dropFirst().first == 0xA8 ? "\\u2028".utf8 : "\\u2029".utf8
            return 3
        default: append(byte)
        }
        return 1
    }
}
