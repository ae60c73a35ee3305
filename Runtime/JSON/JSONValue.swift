import FunctionCore

/// Any JSON value (RFC 8259 §3).
public enum JSONValue: Sendable, Hashable {
    case null
    case bool(Bool)
    /// The number as it was written, so that nothing of it is lost.
    case number(String)
    case string(String)
    case array([JSONValue])
    case object([String: JSONValue])

    /// Parses one JSON text in UTF-8, and nothing after it.
    ///
    /// Stricter than RFC 8259 where that leaves room and readers differ, as RFC 7493 (I-JSON) is: no name twice in an
    /// object, no lone surrogate, no byte order mark. At most ``maximumDepth`` arrays and objects inside each other.
    ///
    /// - Throws: ``Problem`` 400 `malformed_json`, saying why and at which byte.
    public init(parsing bytes: [UInt8]) throws(Problem) {
        do {
            var parser = JSONParser(bytes)
            self = try parser.parse()
        } catch {
            throw Problem(.malformedJSON, error.description)
        }
    }

    /// Arrays and objects that may be open at once.
    public static let maximumDepth = 64

    /// The member called `name`; nil when there is none, or when this is not an object.
    public subscript(name: String) -> JSONValue? {
        if case .object(let members) = self { members[name] } else { nil }
    }

    /// The element at `index`; nil when there is none, or when this is not a list.
    public subscript(index: Int) -> JSONValue? {
        if case .array(let elements) = self, elements.indices.contains(index) { elements[index] } else { nil }
    }

    /// The text of a string; nil for anything else.
    public var text: String? {
        if case .string(let text) = self { text } else { nil }
    }

    /// A whole number that fits; nil for anything else.
    public var integer: Int? {
        if case .number(let text) = self { Int(text) } else { nil }
    }
}

extension JSONValue: Codable {
    /// Reads a value through any decoder; numbers keep their text through ours alone.
    public init(from decoder: any Decoder) throws {
        if let decoder = decoder as? ValueDecoder {
            self = decoder.value
            return
        }
        let container = try decoder.singleValueContainer()
        if container.decodeNil() {
            self = .null
        } else if let value = try? container.decode(Bool.self) {
            self = .bool(value)
        } else if let value = try? container.decode(String.self) {
            self = .string(value)
        } else if let value = try? container.decode(Int64.self) {
            self = .number(String(value))
        } else if let value = try? container.decode(Double.self), value.isFinite {
            self = .number("\(value)")
        } else if let value = try? container.decode([JSONValue].self) {
            self = .array(value)
        } else {
            self = .object(try container.decode([String: JSONValue].self))
        }
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        switch self {
        case .null: try container.encodeNil()
        case .bool(let value): try container.encode(value)
        case .string(let value): try container.encode(value)
        case .array(let elements): try container.encode(elements)
        case .object(let members): try container.encode(members)
        case .number(let text):
            if let encoder = encoder as? ValueEncoder {
                encoder.writer.literal(text)
            } else if let integer = Int64(text) {
                try container.encode(integer)
            } else {
                try container.encode(Double(text))
            }
        }
    }
}
