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

    /// Looks at all of them rather than stopping at the first, which the compiler makes wide instructions of.
    ///
    /// - Parameter besidesTab: whether a tab does not count.
    func hasControlCharacter(besidesTab: Bool = false) -> Bool {
        let exempt: UInt8 = besidesTab ? 0x09 : 0x20
        var found = false
        for byte in self { found = found || (byte < 0x20 && byte != exempt) || byte == 0x7F }
        return found
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
