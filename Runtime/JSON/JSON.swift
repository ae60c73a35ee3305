import FunctionCore

/// Reading and writing JSON, for functions and for whoever speaks to a JSON API.
public enum JSON {
    /// Reads a value whose top level is an object. Unknown members are ignored.
    ///
    /// - Parameter parameters: members to add as text, in place of those of the same name.
    /// - Throws: ``Problem`` 400 `malformed_json` for what ``JSONValue/init(parsing:)`` refuses, 422 `validation_failed`
    ///   with all violations (at most ``maximumViolations``) for what is not a `T`.
    public static func decode<T: Decodable>(
        _ type: T.Type, from bytes: [UInt8], adding parameters: [String: String] = [:]
    ) throws(Problem) -> T {
        guard case .object(var members) = try JSONValue(parsing: bytes) else {
            throw .invalid([Problem.Violation("must be an object")])
        }
        if parameters.isEmpty { return try decode(type, .object(members), textMembers: []) }
        for (name, text) in parameters { members[name] = .string(text) }
        return try decode(type, .object(members), textMembers: Set(parameters.keys))
    }

    /// Reads members that came as text, in a query or a path: `"7"` will do for a number, `"true"` for a Boolean.
    ///
    /// - Throws: ``Problem`` 422 as ``decode(_:from:adding:)``.
    public static func decode<T: Decodable>(_ type: T.Type, fromText members: [String: String]) throws(Problem) -> T {
        try decode(type, .object(members.mapValues { .string($0) }), textMembers: Set(members.keys))
    }

    /// Most violations reported of one input; reading stops there.
    public static let maximumViolations = 20

    private static func decode<T: Decodable>(
        _ type: T.Type, _ value: JSONValue, textMembers: Set<String>
    ) throws(Problem) -> T {
        let collector = ViolationCollector(limit: maximumViolations, textMembers: textMembers)
        let decoder = ValueDecoder(value: value, collector: collector)
        let result: T?
        do {
            result = try T(from: decoder)
        } catch {
            result = nil
            if collector.violations.isEmpty { collector.record(error, at: []) }
        }
        guard let result, collector.violations.isEmpty else { throw .invalid(collector.violations) }
        return result
    }

    /// What an optional that is nil becomes.
    public enum NilMember: Sendable {
        case omitted
        case null
    }

    /// Writes a value, members in the order in which they are encoded, without spaces.
    ///
    /// - Throws: `EncodingError` for a number that is not finite, and for containers written at the same time; whatever
    ///   the value's own `encode(to:)` throws.
    public static func encode(_ value: some Encodable, nil nilMember: NilMember = .omitted) throws -> [UInt8] {
        let writer = JSONWriter()
        try ValueEncoder(writer: writer, writesNull: nilMember == .null).write(value)
        guard !writer.isBroken else {
            throw EncodingError.invalidValue(
                value, .init(codingPath: [], debugDescription: "its containers were not written one after another"))
        }
        return writer.bytes
    }
}
