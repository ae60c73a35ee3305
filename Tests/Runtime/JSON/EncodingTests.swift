import FunctionJSON
import Testing

@Suite struct EncodingTests {
    private struct Output: Encodable {
        var zeta = "q\"\\\n\u{1}é/"
        var alpha = 1
        var ratio = 2.0
        var exact = 0.1
        var none: String?
        var noNumber: Int?
        var list = [true, false]
        var empty: [String: Int] = [:]
    }

    @Test func `Members come out in declared order, nil as asked`() throws {
        let start = #"{"zeta":"q\"\\\n\u0001é/","alpha":1,"ratio":2,"exact":0.1,"#
        let end = #""list":[true,false],"empty":{}}"#
        #expect(String(decoding: try JSON.encode(Output()), as: UTF8.self) == start + end)
        #expect(
            String(decoding: try JSON.encode(Output(), nil: .null), as: UTF8.self)
                == start + #""none":null,"noNumber":null,"# + end)
    }

    @Test func `A number that JSON cannot say is not written`() {
        #expect(throws: EncodingError.self) { try JSON.encode([Double.infinity]) }
        #expect(throws: EncodingError.self) { try JSON.encode(Double.nan) }
    }

    @Test func `Any value survives being read and written`() throws {
        let text = #"{"a":[1,2.50,-0,1e400,"é",null,true,{}]}"#
        let value = try JSONValue(parsing: Array(text.utf8))
        #expect(String(decoding: try JSON.encode(value), as: UTF8.self) == text)
    }
}
