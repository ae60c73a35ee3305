/// Why a text is not JSON.
struct MalformedJSON: Error, CustomStringConvertible {
    let reason: String
    /// Bytes before the place where it was noticed.
    let offset: Int

    var description: String { "\(reason) at byte \(offset)" }
}

/// A recursive-descent parser of RFC 8259 over bytes. Linear in time; its recursion is bounded by
/// ``JSONValue/maximumDepth``.
struct JSONParser {
    private let bytes: [UInt8]
    private var index = 0

    init(_ bytes: [UInt8]) { self.bytes = bytes }

    /// Whether all of `text` is one number.
    static func isNumber(_ text: String) -> Bool {
        var parser = JSONParser(Array(text.utf8))
        return (try? parser.number()) != nil && parser.index == parser.bytes.count
    }

    mutating func parse() throws(MalformedJSON) -> JSONValue {
        if bytes.starts(with: [0xEF, 0xBB, 0xBF]) { throw malformed("a byte order mark") }
        skipSpace()
        let value = try value(depth: 0)
        skipSpace()
        guard index == bytes.count else { throw malformed("something after the value") }
        return value
    }

    private mutating func value(depth: Int) throws(MalformedJSON) -> JSONValue {
        switch peek {
        case UInt8(ascii: "{"): return .object(try object(depth: try deeper(depth)))
        case UInt8(ascii: "["): return .array(try array(depth: try deeper(depth)))
        case UInt8(ascii: "\""): return .string(try string())
        case UInt8(ascii: "-"), .some(UInt8(ascii: "0")...UInt8(ascii: "9")): return .number(try number())
        case UInt8(ascii: "t"): return try literal("true", .bool(true))
        case UInt8(ascii: "f"): return try literal("false", .bool(false))
        case UInt8(ascii: "n"): return try literal("null", .null)
        case nil: throw malformed("the end")
        default: throw malformed("an unexpected character")
        }
    }

    private func deeper(_ depth: Int) throws(MalformedJSON) -> Int {
        guard depth < JSONValue.maximumDepth else { throw malformed("too many levels") }
        return depth + 1
    }

    private mutating func object(depth: Int) throws(MalformedJSON) -> [String: JSONValue] {
        var members: [String: JSONValue] = [:]
        index += 1
        skipSpace()
        if skip(UInt8(ascii: "}")) { return members }
        while true {
            let start = index
            guard peek == UInt8(ascii: "\"") else { throw malformed("no name") }
            let name = try string()
            skipSpace()
            guard skip(UInt8(ascii: ":")) else { throw malformed("no colon") }
            skipSpace()
            let value = try value(depth: depth)
            guard members.updateValue(value, forKey: name) == nil else {
                throw MalformedJSON(reason: "the same name again", offset: start)
            }
            skipSpace()
            if skip(UInt8(ascii: "}")) { return members }
            guard skip(UInt8(ascii: ",")) else { throw malformed("no comma or brace") }
            skipSpace()
        }
    }

    private mutating func array(depth: Int) throws(MalformedJSON) -> [JSONValue] {
        var elements: [JSONValue] = []
        index += 1
        skipSpace()
        if skip(UInt8(ascii: "]")) { return elements }
        while true {
            elements.append(try value(depth: depth))
            skipSpace()
            if skip(UInt8(ascii: "]")) { return elements }
            guard skip(UInt8(ascii: ",")) else { throw malformed("no comma or bracket") }
            skipSpace()
        }
    }

    /// RFC 8259 §6: `-`? (`0` | digit 1–9, digits) (`.` digits)? (`e` sign? digits)?
    private mutating func number() throws(MalformedJSON) -> String {
        let start = index
        _ = skip(UInt8(ascii: "-"))
        if !skip(UInt8(ascii: "0")) { try digits() }
        if skip(UInt8(ascii: ".")) { try digits() }
        if skip(UInt8(ascii: "e")) || skip(UInt8(ascii: "E")) {
            if !skip(UInt8(ascii: "+")) { _ = skip(UInt8(ascii: "-")) }
            try digits()
        }
        return String(decoding: bytes[start..<index], as: UTF8.self)
    }

    private mutating func digits() throws(MalformedJSON) {
        let start = index
        while let byte = peek, (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) { index += 1 }
        guard index > start else { throw malformed("no digit") }
    }

    private mutating func literal(_ word: StaticString, _ value: JSONValue) throws(MalformedJSON) -> JSONValue {
        let end = index + word.utf8CodeUnitCount
        let matches = word.withUTF8Buffer { end <= bytes.count && bytes[index..<end].elementsEqual($0) }
        guard matches else { throw malformed("an unknown word") }
        index = end
        return value
    }

    private mutating func string() throws(MalformedJSON) -> String {
        index += 1
        let start = index
        // What has been read, but for the bytes from `plain` on, which stand for themselves.
        var text: [UInt8] = []
        var plain = start
        while true {
            index = endOfPlainText(from: index)
            switch peek {
            case UInt8(ascii: "\""):
                let rest = bytes[plain..<index]
                let string =
                    plain == start
                    ? String(validating: rest, as: UTF8.self) : String(validating: text + rest, as: UTF8.self)
                guard let string else { throw MalformedJSON(reason: "not UTF-8", offset: start) }
                index += 1
                return string
            case UInt8(ascii: "\\"):
                text += bytes[plain..<index]
                index += 1
                try escape(into: &text)
                plain = index
            case nil: throw malformed("the end in a string")
            default: throw malformed("a control character in a string")
            }
        }
    }

    /// Where the next quote, backslash or control character is, or the end: a recording in hexadecimal digits has none for
    /// megabytes, so eight bytes are looked at together.
    private func endOfPlainText(from start: Int) -> Int {
        bytes.withUnsafeBytes { bytes in
            var index = start
            while index + 8 <= bytes.count {
                let word = UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: index, as: UInt64.self))
                let marks = Self.marks(word)
                if marks != 0 { return index + marks.trailingZeroBitCount / 8 }
                index += 8
            }
            // The last few one by one, each among spaces.
            while index < bytes.count, Self.marks(UInt64(bytes[index]) | 0x2020_2020_2020_2000) == 0 { index += 1 }
            return index
        }
    }

    /// The high bit of the lowest byte that is a quote, a backslash or below 0x20, and perhaps of others above it: a borrow
    /// goes upwards only.
    private static func marks(_ word: UInt64) -> UInt64 {
        let ones: UInt64 = 0x0101_0101_0101_0101
        let quotes = word ^ (ones &* 0x22)
        let backslashes = word ^ (ones &* 0x5C)
        let found =
            ((quotes &- ones) & ~quotes) | ((backslashes &- ones) & ~backslashes) | ((word &- ones &* 0x20) & ~word)
        return found & (ones &* 0x80)
    }

    private mutating func escape(into text: inout [UInt8]) throws(MalformedJSON) {
        let byte: UInt8
        switch peek {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): byte = bytes[index]
        case UInt8(ascii: "b"): byte = 0x08
        case UInt8(ascii: "f"): byte = 0x0C
        case UInt8(ascii: "n"): byte = 0x0A
        case UInt8(ascii: "r"): byte = 0x0D
        case UInt8(ascii: "t"): byte = 0x09
        case UInt8(ascii: "u"):
            index += 1
            text += UTF8.encode(try scalar())!
            return
        default: throw malformed("an unknown escape")
        }
        index += 1
        text.append(byte)
    }

    /// The character of `\uXXXX`, or of the two that make a surrogate pair (RFC 8259 §7).
    private mutating func scalar() throws(MalformedJSON) -> Unicode.Scalar {
        let start = index
        let first = try hexQuad()
        if let scalar = Unicode.Scalar(first) { return scalar }
        guard first < 0xDC00, skip(UInt8(ascii: "\\")), skip(UInt8(ascii: "u")) else {
            throw MalformedJSON(reason: "a lone surrogate", offset: start)
        }
        let second = try hexQuad()
        guard (0xDC00...0xDFFF).contains(second),
            let scalar = Unicode.Scalar(0x10000 + (first - 0xD800) << 10 + (second - 0xDC00))
        else { throw MalformedJSON(reason: "a lone surrogate", offset: start) }
        return scalar
    }

    private mutating func hexQuad() throws(MalformedJSON) -> UInt32 {
        var value: UInt32 = 0
        for _ in 0..<4 {
            guard let byte = peek, let digit = Character(Unicode.Scalar(byte)).hexDigitValue else {
                throw malformed("an incomplete escape")
            }
            value = value << 4 | UInt32(digit)
            index += 1
        }
        return value
    }

    private var peek: UInt8? { index < bytes.count ? bytes[index] : nil }

    private mutating func skip(_ byte: UInt8) -> Bool {
        guard peek == byte else { return false }
        index += 1
        return true
    }

    private mutating func skipSpace() {
        while let byte = peek, byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 { index += 1 }
    }

    private func malformed(_ reason: String) -> MalformedJSON { MalformedJSON(reason: reason, offset: index) }
}
