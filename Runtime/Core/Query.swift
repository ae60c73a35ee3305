/// A query string. Values are decoded when asked for, as `application/x-www-form-urlencoded`.
public struct Query: Sendable, Hashable {
    public let raw: String

    public init(raw: String) { self.raw = raw }

    /// - Throws: ``Problem`` 400 `invalid_path` for a control character, which would have had to be encoded.
    init(checking text: String) throws(Problem) {
        guard !text.withBytes({ $0.hasControlCharacter() }) else { throw Problem(.invalidPath) }
        raw = text
    }

    /// The first value of `name`; nil when it is absent or not decodable.
    public subscript(name: String) -> String? {
        for pair in pairs where PercentEncoding.decode(pair.name, plusIsSpace: true) == name {
            return PercentEncoding.decode(pair.value, plusIsSpace: true)
        }
        return nil
    }

    /// All that can be decoded, by name; of a name given twice the first stands.
    public var members: [String: String] {
        var members: [String: String] = [:]
        for pair in pairs {
            guard let name = PercentEncoding.decode(pair.name, plusIsSpace: true), members[name] == nil,
                let value = PercentEncoding.decode(pair.value, plusIsSpace: true)
            else { continue }
            members[name] = value
        }
        return members
    }

    /// Name and value as they came; a name without `=` has an empty value.
    private var pairs: some Sequence<(name: Substring, value: Substring)> {
        raw.split(separator: "&").lazy.map { pair in
            let equals = pair.firstIndex(of: "=")
            return (pair[..<(equals ?? pair.endIndex)], equals.map { pair[pair.index(after: $0)...] } ?? "")
        }
    }
}
