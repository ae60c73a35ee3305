import FunctionCore
import FunctionJSON
import HTTPTypes

// The emulators look into bodies that nobody has checked yet, and answer in shapes that are easiest to compare with a
// vendor's page when they are written down as they look.

extension JSONValue {
    public init(_ number: Int) { self = .number(String(number)) }
    public init(_ text: String?) { self = text.map(JSONValue.string) ?? .null }

    public var double: Double? { if case .number(let text) = self { Double(text) } else { nil } }
    public var flag: Bool? { if case .bool(let flag) = self { flag } else { nil } }
    public var elements: [JSONValue]? { if case .array(let elements) = self { elements } else { nil } }
    public var members: [String: JSONValue]? { if case .object(let members) = self { members } else { nil } }
    public var isNull: Bool { self == .null }

    /// This object with `value` as the member called `name`, or without that member.
    public func with(_ name: String, _ value: JSONValue?) -> JSONValue {
        guard var members else { return self }
        members[name] = value
        return .object(members)
    }

    public var bytes: [UInt8] {
        get throws { try JSON.encode(self) }
    }
}

extension JSONValue: ExpressibleByStringLiteral, ExpressibleByStringInterpolation, ExpressibleByIntegerLiteral,
    ExpressibleByBooleanLiteral, ExpressibleByNilLiteral, ExpressibleByArrayLiteral, ExpressibleByDictionaryLiteral
{
    public init(stringLiteral value: String) { self = .string(value) }
    public init(integerLiteral value: Int) { self.init(value) }
    public init(booleanLiteral value: Bool) { self = .bool(value) }
    public init(nilLiteral: ()) { self = .null }
    public init(arrayLiteral elements: JSONValue...) { self = .array(elements) }
    public init(dictionaryLiteral members: (String, JSONValue)...) {
        self = .object(Dictionary(members) { _, last in last })
    }
}

extension Response {
    /// `value` as `application/json`.
    public static func json(
        _ value: some Encodable, status: HTTPResponse.Status = .ok, fields: HTTPFields = [:]
    ) throws -> Response {
        var fields = fields
        fields[.contentType] = "application/json"
        return Response(status: status, fields: fields, body: .bytes(try JSON.encode(value)))
    }
}
