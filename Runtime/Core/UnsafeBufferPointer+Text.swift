/// Looks at bytes without an iterator between them: these run over every byte of every request's head.
extension UnsafeBufferPointer<UInt8> {
    /// Whether the bytes at `place` are `text`.
    func has(_ text: UnsafeBufferPointer<UInt8>, at place: Range<Int>) -> Bool {
        guard place.count == text.count else { return false }
        for index in 0..<place.count where self[place.lowerBound + index] != text[index] { return false }
        return true
    }

    func has(_ text: StaticString, at place: Range<Int>) -> Bool {
        has(UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount), at: place)
    }

    /// Whether `place` begins with `text` and goes on after it.
    func has(_ text: StaticString, atStartOf place: Range<Int>) -> Bool {
        let length = text.utf8CodeUnitCount
        return place.count > length && has(text, at: place.lowerBound..<place.lowerBound + length)
    }

    /// Whether the bytes at `place` are the variable that a web server makes of the header field `name`: `HTTP_`, then
    /// capitals, digits and `_` for `-` (RFC 3875 §4.1.18).
    ///
    /// - Parameter name: canonical, in small letters.
    func isVariable(ofField name: UnsafeBufferPointer<UInt8>, at place: Range<Int>) -> Bool {
        guard place.count == name.count + 5, has("HTTP_", atStartOf: place) else { return false }
        for index in 0..<name.count {
            let expected: UInt8
            switch name[index] {
            case UInt8(ascii: "-"): expected = UInt8(ascii: "_")
            case UInt8(ascii: "a")...UInt8(ascii: "z"): expected = name[index] & ~0x20
            case UInt8(ascii: "0")...UInt8(ascii: "9"): expected = name[index]
            default: return false
            }
            if self[place.lowerBound + 5 + index] != expected { return false }
        }
        return true
    }

    /// The part of `place` without spaces and tabs at its ends.
    func withoutSpaceAround(_ place: Range<Int>) -> Range<Int> {
        func isSpace(_ index: Int) -> Bool { self[index] == UInt8(ascii: " ") || self[index] == UInt8(ascii: "\t") }
        var (start, end) = (place.lowerBound, place.upperBound)
        while start < end, isSpace(start) { start += 1 }
        while start < end, isSpace(end - 1) { end -= 1 }
        return start..<end
    }

    /// Eight at a time: this looks at every byte that a caller sends ahead of a body.
    ///
    /// - Parameter besidesTab: whether a tab does not count.
    func hasControlCharacter(besidesTab: Bool = false) -> Bool {
        func isControl(_ byte: UInt8) -> Bool {
            (byte < 0x20 && !(besidesTab && byte == UInt8(ascii: "\t"))) || byte == 0x7F
        }
        var index = 0
        while count - index >= 8 {
            let bytes = UnsafeRawPointer(baseAddress! + index).loadUnaligned(as: UInt64.self)
            // The high bit of a byte is set where it is under 0x20, or 0x7F; and above such a byte, which borrows from it.
            let isLow = (bytes &- 0x2020_2020_2020_2020) & ~bytes
            let isDelete = ((bytes & 0x7F7F_7F7F_7F7F_7F7F) &+ 0x0101_0101_0101_0101) & ~bytes
            if (isLow | isDelete) & 0x8080_8080_8080_8080 != 0, self[index..<index + 8].contains(where: isControl) {
                return true
            }
            index += 8
        }
        while index < count {
            if isControl(self[index]) { return true }
            index += 1
        }
        return false
    }
}

extension String {
    /// The text's bytes where they are.
    func withBytes<Result>(_ body: (UnsafeBufferPointer<UInt8>) -> Result) -> Result {
        if let result = utf8.withContiguousStorageIfAvailable(body) { return result }
        var text = self
        return text.withUTF8(body)
    }
}
