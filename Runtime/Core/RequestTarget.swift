/// The path and query of a request, checked and percent-decoded once, at the edge.
public struct RequestTarget: Sendable, Hashable {
    /// The decoded path, `/api/agent/7/webhook`. Its slashes are those the caller wrote, of several in a row the first,
    /// as most web servers have it; an encoded one is refused, since web servers that decode paths themselves could not
    /// tell it from the others.
    public private(set) var path: String
    public var query: Query

    /// Longest path and query accepted, in bytes.
    public static let maximumLength = 8_192

    /// Parses an origin-form request target (RFC 9112 §3.2.1), or the path of an absolute-form one.
    ///
    /// - Throws: ``Problem`` 414 `uri_too_long`, or 400 `invalid_path` for a path that is not absolute, has an incomplete
    ///   percent escape, a dot segment or slash in any encoding, a control character, or is not UTF-8 once decoded.
    public init(_ raw: String) throws(Problem) {
        guard raw.utf8.count <= Self.maximumLength else { throw Problem(.uriTooLong) }
        var rest = raw[...]
        if rest.utf8.first != UInt8(ascii: "/") { rest = try Self.withoutAuthority(rest) }
        let question = rest.utf8.firstIndex(of: UInt8(ascii: "?"))
        query = try Query(checking: question.map { rest[rest.utf8.index(after: $0)...] } ?? "")
        let path = rest[..<(question ?? rest.endIndex)]
        if path.utf8.contains(UInt8(ascii: "%")) {
            let slash = path.utf8.count { $0 == UInt8(ascii: "/") }
            guard let decoded = PercentEncoding.decode(path, plusIsSpace: false),
                decoded.utf8.count(where: { $0 == UInt8(ascii: "/") }) == slash
            else { throw Problem(.invalidPath) }
            self.path = decoded
        } else {
            self.path = path.isEmpty ? "/" : String(path)
        }
        self.path = try Self.checked(self.path)
    }

    /// Takes a path that the web server has decoded already (`PATH_INFO`, RFC 3875 §4.1.5) and must not be decoded again.
    ///
    /// - Throws: as ``init(_:)``.
    public init(decodedPath: String, query: String) throws(Problem) {
        guard decodedPath.utf8.count + query.utf8.count <= Self.maximumLength else { throw Problem(.uriTooLong) }
        self.query = try Query(checking: query[...])
        path = try Self.checked(decodedPath)
    }

    /// The path, one element per segment: `/api/agent/7/webhook` is `["api", "agent", "7", "webhook"]`, `/` is empty.
    public var segments: [Substring] {
        path.utf8.count == 1 ? [] : path.dropFirst().split(separator: "/", omittingEmptySubsequences: false)
    }

    /// The same query at another path.
    ///
    /// - Parameter path: a route's, so one that needs no checking.
    func moved(to path: String) -> RequestTarget {
        var target = self
        target.path = path
        return target
    }

    /// The same without `basePath`, or as it is when it does not lie below that.
    func below(_ basePath: String) -> RequestTarget {
        guard !basePath.isEmpty, path.utf8.starts(with: basePath.utf8) else { return self }
        let rest = path.utf8.dropFirst(basePath.utf8.count)
        guard rest.isEmpty || rest.first == UInt8(ascii: "/") else { return self }
        var target = self
        target.path = rest.isEmpty ? "/" : String(Substring(rest))
        return target
    }

    /// What follows the authority of an absolute-form target, which proxies must send and servers accept (RFC 9112
    /// §3.2.2).
    private static func withoutAuthority(_ target: Substring) throws(Problem) -> Substring {
        for scheme in ["http://", "https://"] where target.prefix(scheme.count).lowercased() == scheme {
            let rest = target.dropFirst(scheme.count)
            return rest[(rest.firstIndex { $0 == "/" || $0 == "?" } ?? rest.endIndex)...]
        }
        throw Problem(.invalidPath)
    }

    /// One pass over the decoded path: absolute, no dot segment, no control character, and nothing that was not UTF-8
    /// (which a host's decoding turned into U+FFFD).
    ///
    /// - Returns: the path with one slash for each row of them.
    private static func checked(_ path: String) throws(Problem) -> String {
        guard path.utf8.first == UInt8(ascii: "/") else { throw Problem(.invalidPath) }
        /// Bytes since the last slash, and whether they were all dots.
        var length = 0
        var onlyDots = false
        var isASCII = true
        var slashes = 0
        var rows = 0
        for byte in path.utf8 {
            switch byte {
            case UInt8(ascii: "/"):
                if onlyDots && length <= 2 { throw Problem(.invalidPath) }
                slashes += 1
                if length > 0 || slashes == 1 { rows += 1 }
                length = 0
                onlyDots = false
            case UInt8(ascii: "."):
                onlyDots = length == 0 || onlyDots
                length += 1
            case 0..<0x20, 0x7F:
                throw Problem(.invalidPath)
            default:
                if byte >= 0x80 { isASCII = false }
                onlyDots = false
                length += 1
            }
        }
        if onlyDots && length <= 2 { throw Problem(.invalidPath) }
        if !isASCII && path.unicodeScalars.contains("\u{FFFD}") { throw Problem(.invalidPath) }
        if slashes == rows { return path }
        let segments = path.utf8.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: true)
        let trailing = path.utf8.last == UInt8(ascii: "/") && !segments.isEmpty ? "/" : ""
        return "/" + segments.map { String(Substring($0)) }.joined(separator: "/") + trailing
    }
}
