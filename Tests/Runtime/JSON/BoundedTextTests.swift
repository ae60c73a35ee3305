import FunctionCore
import FunctionJSON
import Testing

@Suite struct BoundedTextTests {
    private func message(_ text: String, _ bounds: TextBounds) -> String? {
        do {
            _ = try bounds.check(text)
            return nil
        } catch {
            return error.message
        }
    }

    @Test func `Length is counted in code points, after trimming`() throws {
        let bounds = TextBounds(1...3)
        #expect(try bounds.check("  abc\n") == "abc")
        #expect(try bounds.check("😀😀😀") == "😀😀😀")
        #expect(message("e\u{301}e\u{301}", bounds) == "must be at most 3 characters")
        #expect(message("a" + String(repeating: "\u{301}", count: 60_000), bounds) == "must be at most 3 characters")
        #expect(message("", bounds) == "must not be empty")
        #expect(message(" \t\u{A0}\u{3000}", bounds) == "must not be empty")
        #expect(message("a", TextBounds(2...3)) == "must be at least 2 characters")
        #expect(message("ab", TextBounds(1...1)) == "must be at most 1 character")
    }

    @Test(arguments: ["\0", "\u{1B}", "\u{7F}", "\u{85}", "\u{9F}"])
    func `A control character is never allowed`(character: String) {
        #expect(message("a\(character)b", TextBounds(1...9)) != nil)
        #expect(message("a\(character)b", TextBounds(1...9, manyLines: true)) != nil)
    }

    @Test(arguments: ["\n", "\r\n", "\t", "\u{2028}", "\u{2029}"])
    func `A line break is allowed only where lines are`(character: String) {
        #expect(message("a\(character)b", TextBounds(1...9)) != nil)
        #expect(message("a\(character)b", TextBounds(1...9, manyLines: true)) == nil)
    }

    @Test func `White space at the ends stays where it is not trimmed`() throws {
        #expect(try TextBounds(1...9, trims: false).check(" a ") == " a ")
    }
}
