/// The path and query of a request, checked and percent-decoded once, at the edge.
public struct RequestTarget: Sendable, Hashable {
    /// The decoded path, one element per segment: `/api/agent/7/webhook` is `["api", "agent", "7", "webhook"]`. An
    /// encoded slash stays inside its segment, so decoding cannot move a segment's border.
    public let segments: [String]
    public let query: Query

    /// Longest path and query accepted, in bytes.
    public static let maximumLength = 8_192

    /// Parses an origin-form request target (RFC 9112 §3.2.1), or the path of an absolute-form one.
    ///
    /// - Throws: ``Problem`` 414 `uri_too_long`, or 400 `invalid_path` for a path that is not absolute, has an incomplete
    ///   percent escape, a dot segment (plain or encoded), a control character, or is not UTF-8 once decoded.
    public init(_ raw: String) throws(Problem) {
        guard raw.utf8.count <= Self.maximumLength else { throw Problem(.uriTooLong) }
        var path = Substring(raw)
        if let scheme = path.firstRange(ofText: "://"), !path[..<scheme.lowerBound].contains("/") {
            path = path[scheme.upperBound...].drop { $0 != "/" && $0 != "?" }
            if path.isEmpty || path.first == "?" { path = "/" + path }
        }
        let question = path.firstIndex(of: "?")
        query = Query(raw: question.map { String(path[path.index(after: $0)...]) } ?? "")
        segments = try Self.segments(of: path[..<(question ?? path.endIndex)], decode: true)
    }

    /// Takes a path that the web server has decoded already (`PATH_INFO`, RFC 3875 §4.1.5) and must not be decoded again.
    ///
    /// - Throws: as ``init(_:)``.
    public init(decodedPath: String, query: String) throws(Problem) {
        guard decodedPath.utf8.count + query.utf8.count <= Self.maximumLength else { throw Problem(.uriTooLong) }
        self.query = Query(raw: query)
        segments = try Self.segments(of: Substring(decodedPath), decode: false)
    }

    /// The decoded path as text, for messages and for matching whole paths.
    public var path: String { "/" + segments.joined(separator: "/") }

    private static func segments(of path: Substring, decode: Bool) throws(Problem) -> [String] {
        guard path.utf8.first == UInt8(ascii: "/") else { throw Problem(.invalidPath) }
        if path.utf8.count == 1 { return [] }
        var segments: [String] = []
        for raw in path.dropFirst().split(separator: "/", omittingEmptySubsequences: false) {
            guard let segment = decode ? PercentEncoding.decode(raw, plusIsSpace: false) : String(raw),
                segment != ".", segment != "..",
                !segment.unicodeScalars.contains(where: { $0.value < 0x20 || $0.value == 0x7F })
            else { throw Problem(.invalidPath) }
            segments.append(segment)
        }
        return segments
    }
}

/// A query string. Values are decoded when asked for, as `application/x-www-form-urlencoded`.
public struct Query: Sendable, Hashable {
    public let raw: String

    public init(raw: String) { self.raw = raw }

    /// The first value of `name`; nil when it is absent or not decodable.
    public subscript(name: String) -> String? {
        for pair in raw.split(separator: "&") {
            let parts = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard PercentEncoding.decode(parts[0], plusIsSpace: true) == name else { continue }
            return parts.count == 2 ? PercentEncoding.decode(parts[1], plusIsSpace: true) : ""
        }
        return nil
    }

    /// All that can be decoded, by name; of a name given twice the first stands.
    public var members: [String: String] {
        var members: [String: String] = [:]
        for pair in raw.split(separator: "&") {
            let parts = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard let name = PercentEncoding.decode(parts[0], plusIsSpace: true), members[name] == nil,
                let value = parts.count == 2 ? PercentEncoding.decode(parts[1], plusIsSpace: true) : ""
            else { continue }
            members[name] = value
        }
        return members
    }
}

extension Substring {
    fileprivate func firstRange(ofText text: String) -> Range<Index>? {
        var start = startIndex
        while start < endIndex {
            if self[start...].hasPrefix(text) { return start..<index(start, offsetBy: text.count) }
            start = index(after: start)
        }
        return nil
    }
}
