import FunctionCore
import FunctionJSON
import HTTPTypes
import Testing

@Suite struct ProblemTests {
    private struct Secret: Error { let password = "hunter2" }

    private func body(_ problem: Problem) -> String {
        guard case .bytes(let bytes) = problem.response(instance: RequestID()).body else { return "" }
        return String(decoding: bytes, as: UTF8.self)
    }

    @Test func `A problem is RFC 9457, in this order`() throws {
        let id = RequestID()
        let problem = Problem(.notFound, "Look \"elsewhere\"", fields: [.retryAfter: "5"], cause: Secret())
        let response = problem.response(instance: id)
        #expect(response.status == .notFound)
        #expect(response.fields[.contentType] == "application/problem+json")
        #expect(response.fields[.retryAfter] == "5")
        let start = #"{"type":"urn:callwaiting:problem:not_found","title":"There is nothing here","status":404,"#
        let detail = #""detail":"Look \"elsewhere\"","instance":""#
        #expect(body(problem).hasPrefix(start + detail))
        #expect(body(problem).hasSuffix(#"","code":"not_found"}"#))
        #expect(!body(problem).contains("hunter2"))
    }

    @Test func `Violations come as errors`() throws {
        let problem = Problem.invalid([.init(field: "name", "is required"), .init("must be an object")])
        let json = try JSONValue(parsing: Array(body(problem).utf8))
        #expect(json["status"]?.integer == 422)
        #expect(json["code"]?.text == "validation_failed")
        #expect(json["errors"]?[0]?["field"]?.text == "name")
        #expect(json["errors"]?[0]?["message"]?.text == "is required")
        #expect(json["errors"]?[1]?["field"]?.text == "")
        #expect(json["errors"]?[2] == nil)
    }

    @Test func `A request id is 32 hexadecimal digits, and another each time`() {
        let ids = Set((0..<1_000).map { _ in RequestID().description })
        #expect(ids.count == 1_000)
        #expect(ids.allSatisfy { $0.count == 32 && $0.allSatisfy { $0.isHexDigit && !$0.isUppercase } })
    }

    @Test(arguments: [0, 1, 7, 8, 9, 16, 33])
    func `Random bytes are as many as asked for`(count: Int) {
        #expect([UInt8].random(count: count).count == count)
    }
}

@Suite struct JSONTextTests {
    @Test(
        "Text survives being escaped",
        arguments: [
            "", "plain", "\"\\/", "\u{8}\u{9}\u{A}\u{C}\u{D}", "\u{0}\u{1F}\u{7F}", "\u{2028}\u{2029}",
            "\u{9B}31m\u{202E}\u{2066}x\u{A0}\u{2027}\u{2030}", "é😀\u{FEFF}", "e\u{301}", "</script>",
        ])
    func escaped(text: String) throws {
        var json = JSONText()
        json.member(text, text)
        let parsed = try JSONValue(parsing: Array(json.object.utf8))
        #expect(parsed[text]?.text?.unicodeScalars.elementsEqual(text.unicodeScalars) == true)
        #expect(
            !json.object.unicodeScalars.contains { scalar in
                [0...0x1F, 0x7F...0x9F, 0x2028...0x202E, 0x2066...0x2069].contains { $0.contains(scalar.value) }
            })
    }

    @Test func `Numbers that JSON cannot say are null`() {
        var json = JSONText()
        json.member("a", Double.nan)
        json.member("b", -Double.infinity)
        json.member("c", 1e300)
        json.member("d", Int.min)
        #expect(json.object == #"{"a":null,"b":null,"c":1e+300,"d":-9223372036854775808}"#)
    }

    @Test func `Objects nest in an array`() {
        var json = JSONText()
        json.member("list", objects: [1, 2]) { $1.member("n", $0) }
        json.member("none", objects: [Int]()) { $1.member("n", $0) }
        #expect(json.object == #"{"list":[{"n":1},{"n":2}],"none":[]}"#)
    }
}
