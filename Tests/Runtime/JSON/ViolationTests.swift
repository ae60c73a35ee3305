import FunctionCore
import FunctionJSON
import Testing

private struct Name: BoundedText {
    static let bounds = TextBounds(1...10)
    let rawValue: String
    init(_ accepted: Accepted<String>) { rawValue = accepted.value }
}

private struct Minutes: Validated {
    let rawValue: Int
    init(_ accepted: Accepted<Int>) { rawValue = accepted.value }

    static func check(_ raw: Int) throws(Problem.Violation) -> Int {
        guard raw > 0 else { throw Problem.Violation("must be at least 1") }
        return raw
    }
}

private enum Voice: String, Codable, CaseIterable { case soft, warm }

private struct Item: Decodable {
    let price: Int
}

private struct Input: Decodable {
    let name: Name
    let minutes: Minutes
    let voice: Voice
    let note: String?
    let items: [Item]?
}

@Suite struct ViolationTests {
    private func violations(_ json: String) -> [String: String] {
        do {
            _ = try JSON.decode(Input.self, from: Array(json.utf8))
            return [:]
        } catch {
            #expect(error.kind == .validationFailed)
            return Dictionary(error.violations.map { ($0.field, $0.message) }) { first, _ in first }
        }
    }

    @Test(
        "One field's violation is named and worded",
        arguments: [
            (#"{"minutes":1,"voice":"soft"}"#, "name", "is required"),
            (#"{"name":null,"minutes":1,"voice":"soft"}"#, "name", "must not be null"),
            (#"{"name":7,"minutes":1,"voice":"soft"}"#, "name", "must be a string"),
            (#"{"name":" ","minutes":1,"voice":"soft"}"#, "name", "must not be empty"),
            (#"{"name":"12345678901","minutes":1,"voice":"soft"}"#, "name", "must be at most 10 characters"),
            (
                #"{"name":"a\u0000b","minutes":1,"voice":"soft"}"#, "name",
                "must not contain control characters or line breaks"
            ),
            (#"{"name":"a","minutes":"1","voice":"soft"}"#, "minutes", "must be a whole number"),
            (#"{"name":"a","minutes":1.5,"voice":"soft"}"#, "minutes", "must be a whole number"),
            (#"{"name":"a","minutes":1e400,"voice":"soft"}"#, "minutes", "is out of range"),
            (#"{"name":"a","minutes":9223372036854775808,"voice":"soft"}"#, "minutes", "is out of range"),
            (#"{"name":"a","minutes":0,"voice":"soft"}"#, "minutes", "must be at least 1"),
            (#"{"name":"a","minutes":1,"voice":"loud"}"#, "voice", "must be one of: soft, warm"),
            (#"{"name":"a","minutes":1,"voice":null}"#, "voice", "must not be null"),
            (#"{"name":"a","minutes":1,"voice":"soft","note":1}"#, "note", "must be a string"),
            (#"{"name":"a","minutes":1,"voice":"soft","items":{}}"#, "items", "must be a list"),
            (#"{"name":"a","minutes":1,"voice":"soft","items":[{"price":1},{}]}"#, "items[1].price", "is required"),
            (#"{"name":"a","minutes":1,"voice":"soft","items":[{"price":1},2]}"#, "items[1]", "must be an object"),
            (#"[1]"#, "", "must be an object"),
        ])
    func oneViolation(json: String, field: String, message: String) {
        #expect(violations(json) == [field: message])
    }

    @Test func `Every violation is reported in one answer`() {
        let found = violations(#"{"name":"","minutes":0,"voice":"loud","note":1,"items":[{"price":"x"},{}]}"#)
        #expect(Set(found.keys) == ["name", "minutes", "voice", "note", "items[0].price", "items[1].price"])
    }

    @Test func `An acceptable input is decoded, unknown members and null optionals ignored`() throws {
        let json = #"{"name":" Ada ","minutes":1e1,"voice":"warm","note":null,"extra":{"a":[1]}}"#
        let input = try JSON.decode(Input.self, from: Array(json.utf8))
        #expect(input.name.rawValue == "Ada")
        #expect(input.minutes.rawValue == 10)
        #expect(input.voice == .warm)
        #expect(input.note == nil)
    }

    @Test func `At most twenty violations are reported of a hostile list`() {
        struct Lists: Decodable { let values: [Int] }
        let json = #"{"values":[\#(Array(repeating: "\"x\"", count: 5_000).joined(separator: ","))]}"#
        let error = #expect(throws: Problem.self) { try JSON.decode(Lists.self, from: Array(json.utf8)) }
        #expect(error?.violations.count == JSON.maximumViolations)
    }
}
