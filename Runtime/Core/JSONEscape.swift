extension [UInt8] {
    /// Appends a JSON string (RFC 8259 §7), quotes included.
    ///
    /// Escapes what JSON must, and what ends a line, vanishes, commands a terminal or turns the text around for some
    /// readers of logs: DEL and U+0080 to U+009F, U+2028 to U+202E, U+2066 to U+2069.
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
        byte < 0x20 || byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") || byte == 0x7F || byte == 0xC2
            || byte == 0xE2
    }

    /// Whether these follow E2 in a character from U+2028 to U+202E (E2 80 A8 …) or U+2066 to U+2069 (E2 81 A6 …).
    private static func turnsText(_ rest: Slice<UnsafeBufferPointer<UInt8>>) -> Bool {
        guard let middle = rest.first, let last = rest.dropFirst().first else { return false }
        return middle == 0x80 && (0xA8...0xAE).contains(last) || middle == 0x81 && (0xA6...0xA9).contains(last)
    }

    /// The lower byte of the character that these end.
    private static func low(_ rest: Slice<UnsafeBufferPointer<UInt8>>) -> [UInt8] {
        [(rest[rest.startIndex] & 0x03) << 6 | rest[rest.startIndex + 1] & 0x3F]
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
        case 0xC2 where (0x80...0x9F).contains(rest.first ?? 0):
            self += "\\u00\(rest.prefix(1).hex)".utf8
            return 2
        case 0xE2 where Self.turnsText(rest.prefix(2)):
            self += "\\u20\(Self.low(rest.prefix(2)).hex)".utf8
            return 3
        default: append(byte)
        }
        return 1
    }
}
