import FunctionCore
import FunctionJSON
import FunctionTesting
import Testing

@Suite struct MalformedJSONTests {
    @Test(
        "What is not exactly one JSON text is 400 malformed_json",
        arguments: [
            "", " ", "{", "}", "[", "]", "[1", "[1,", "[1,]", "[,1]", "[1 2]", "{\"a\"}", "{\"a\":}", "{\"a\":1,}",
            "{,}", "{a:1}", "{'a':1}", "{1:1}", "{\"a\":1 \"b\":2}", "{\"a\"::1}", "{null:1}", "{}}", "{} x", "{}{}",
            "{}\0", "[]//", "/**/{}", "# {}", "tru", "True", "nul", "NaN", "Infinity", "-Infinity", "undefined",
            "01", "-", "-01", "+1", ".5", "1.", "1.e1", "1e", "1e+", "1e1.5", "0x1", "1_000", "-a", "--1", "1,000", "٣",
            "\"", "\"a", "\"\\\"", "\"\\x41\"", "\"\\u12\"", "\"\\u12g4\"", "\"\\u+123\"", "\"\\U0041\"", "\"\n\"",
            "\"\t\"", "\"\0\"",
            "\"\u{1F}\"", "'a'", "\"\\ud800\"", "\"\\udc00\"", "\"\\ud800\\ud800\"", "\"\\ud800x\"", "\"\\ud800\\n\"",
            "\"\\ud83d\\u0041\"",
            "{\"a\":1,\"a\":2}", "{\"a\":1,\"\\u0061\":2}", "\u{FEFF}{}", "\u{A0}{}", "{}\u{C}", "{}\u{2028}",
        ])
    func malformed(text: String) {
        let problem = #expect(throws: Problem.self) { try JSONValue(parsing: Array(text.utf8)) }
        #expect(problem?.kind == .malformedJSON)
    }

    @Test(
        "Bytes that are not UTF-8 are 400 malformed_json",
        arguments: [
            [0x22, 0xFF, 0x22], [0x22, 0xC0, 0xAF, 0x22], [0x22, 0xE2, 0x82, 0x22], [0x22, 0xED, 0xA0, 0x80, 0x22],
            [0x22, 0xF5, 0x80, 0x80, 0x80, 0x22], [0x22, 0x5C, 0x6E, 0x80, 0x22], [0xFF, 0xFE, 0x7B, 0, 0x7D, 0],
            [0, 0x7B, 0, 0x7D],
            [0x7B, 0x22, 0x80, 0x22, 0x3A, 0x31, 0x7D],
        ] as [[UInt8]])
    func notUTF8(bytes: [UInt8]) {
        let problem = #expect(throws: Problem.self) { try JSONValue(parsing: bytes) }
        #expect(problem?.kind == .malformedJSON)
    }

    @Test(
        "A JSON text is read as RFC 8259 says",
        arguments: [
            ("null", .null), (" \t\r\n[ ] ", .array([])), ("{}", .object([:])), ("true", .bool(true)),
            ("-0", .number("-0")), ("0.10e-2", .number("0.10e-2")), ("1E+9", .number("1E+9")),
            ("1e400", .number("1e400")),
            ("123456789012345678901234567890", .number("123456789012345678901234567890")),
            (#""\"\\\/\b\f\n\r\t""#, .string("\"\\/\u{8}\u{C}\n\r\t")), (#""\u0000""#, .string("\0")),
            (#""\u00e9é\uD83D\uDE00""#, .string("éé😀")), (#""\uFFFF\ufeff""#, .string("\u{FFFF}\u{FEFF}")),
            (#"{"":1,"a":{"b":[{}]}}"#, .object(["": .number("1"), "a": .object(["b": .array([.object([:])])])])),
            ("\"\u{7F}\u{2028}\"", .string("\u{7F}\u{2028}")),
        ] as [(String, JSONValue)])
    func read(text: String, value: JSONValue) throws {
        #expect(try JSONValue(parsing: Array(text.utf8)) == value)
    }

    @Test(arguments: ["[", "{\"a\":", "[{\"a\":"])
    func `A depth bomb is refused at the bound`(opening: String) {
        let bomb = String(repeating: opening, count: 1_000_000 / opening.utf8.count)
        let problem = #expect(throws: Problem.self) { try JSONValue(parsing: Array(bomb.utf8)) }
        #expect(problem?.kind == .malformedJSON)
        #expect(problem?.detail?.contains("too many levels") == true)
    }

    @Test func `The deepest text allowed is read, one level more is not`() throws {
        func nested(_ depth: Int) -> [UInt8] {
            Array((String(repeating: "[", count: depth) + String(repeating: "]", count: depth)).utf8)
        }
        _ = try JSONValue(parsing: nested(JSONValue.maximumDepth))
        #expect(throws: Problem.self) { try JSONValue(parsing: nested(JSONValue.maximumDepth + 1)) }
    }

    @Test func `Every prefix and every flipped byte of a text is survived`() throws {
        let text = Array(#"{"a":[1,-2.5e3,"\u00e9\ud83d\ude00é",true,null],"b":{"c":"\n"}}"#.utf8)
        _ = try JSONValue(parsing: text)
        for length in 0..<text.count {
            #expect(throws: Problem.self) { try JSONValue(parsing: Array(text.prefix(length))) }
        }
        for index in text.indices {
            for bit in 0..<8 {
                var flipped = text
                flipped[index] ^= 1 << bit
                if let value = try? JSONValue(parsing: flipped) {
                    #expect(try JSONValue(parsing: JSON.encode(value)) == value)
                }
            }
        }
    }

    @Test func `A string ends at its quote, wherever that stands and whatever stands before and after it`() throws {
        // Neighbours of the marks, by value, and a character of two bytes.
        for filler in ["a", " ", "!", "#", "[", "]", "\u{7F}", "\u{80}", "é"] {
            for length in 0..<20 {
                let text = String(repeating: filler, count: length)
                for rest in ["", filler, String(repeating: filler, count: 9)] {
                    let escaped = #"["\#(text)\\\#(rest)\"","\#(rest)"]"#
                    #expect(
                        try JSONValue(parsing: Array(escaped.utf8))
                            == .array([.string(text + "\\" + rest + "\""), .string(rest)]))
                    for control: UInt8 in [0, 0x1F] {
                        let bytes = Array(#"["\#(text)"#.utf8) + [control] + Array(#"\#(rest)"]"#.utf8)
                        #expect(throws: (any Error).self) { try JSONValue(parsing: bytes) }
                    }
                }
            }
        }
    }

    @Test func `Whatever bytes come, they are refused, or read and written as the same value`() throws {
        let texts = [
            #"{"a":[1,-2.5e3,"\u00e9\ud83d\ude00é",true,null],"b":{"c":"\n"}}"#,
            #"[[[],{}],{"":{"":""}},0.1e-9,false]"#,
        ].map { Array($0.utf8) }
        let pieces = [#"\u"#, "\"", "{", "[", ",", ":", "e", "-", "\u{0}", "\\", "é", "1e999", "ud800"].map {
            Array($0.utf8)
        }
        var random = SystemRandomNumberGenerator()
        let count = Effort.pick(20_000, long: 2_000_000)
        for _ in 0..<count {
            var bytes = texts.randomElement(using: &random) ?? []
            for _ in 0..<Int.random(in: 1...4, using: &random) where !bytes.isEmpty {
                let place = Int.random(in: 0..<bytes.count, using: &random)
                switch Int.random(in: 0..<3, using: &random) {
                case 0: bytes[place] = UInt8.random(in: 0 ... .max, using: &random)
                case 1: bytes.remove(at: place)
                default: bytes.insert(contentsOf: pieces.randomElement(using: &random) ?? [], at: place)
                }
            }
            guard let value = try? JSONValue(parsing: bytes) else { continue }
            #expect(try JSONValue(parsing: JSON.encode(value)) == value, "\(bytes)")
        }
        Effort.tried(count, "mutated JSON texts")
    }

    @Test func `A malformed text's problem says where, and nothing of the text`() {
        let problem = #expect(throws: Problem.self) { try JSONValue(parsing: Array(#"{"secret":hunter2}"#.utf8)) }
        #expect(problem?.detail == "an unexpected character at byte 10")
    }
}
