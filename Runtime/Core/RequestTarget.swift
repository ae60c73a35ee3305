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
        // Most have nothing to decode, and so nothing to copy.
        if raw.withBytes(Self.isPlainPath) {
            (path, query) = (try Self.checked(raw), Query(raw: ""))
            return
        }
        var rest = Array(raw.utf8)[...]
        if rest.first != UInt8(ascii: "/") { rest = Array(try Self.withoutAuthority(raw[...]).utf8)[...] }
        let question = rest.firstIndex(of: UInt8(ascii: "?")) ?? rest.endIndex
        query = try Query(checking: String(decoding: rest[question...].dropFirst(), as: UTF8.self))
        let path = rest[..<question]
        if path.contains(UInt8(ascii: "%")) {
            let slash = path.count { $0 == UInt8(ascii: "/") }
            guard let decoded = PercentEncoding.decode(String(decoding: path, as: UTF8.self), plusIsSpace: false),
                decoded.utf8.count(where: { $0 == UInt8(ascii: "/") }) == slash
            else { throw Problem(.invalidPath) }
            self.path = decoded
        } else {
            self.path = path.isEmpty ? "/" : String(decoding: path, as: UTF8.self)
        }
        self.path = try Self.checked(self.path)
    }

    /// Takes a path that the web server has decoded already (`PATH_INFO`, RFC 3875 §4.1.5) and must not be decoded again.
    ///
    /// - Throws: as ``init(_:)``.
    public init(decodedPath: String, query: String) throws(Problem) {
        guard decodedPath.utf8.count + query.utf8.count <= Self.maximumLength else { throw Problem(.uriTooLong) }
        self.query = try Query(checking: query)
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
    public func below(_ basePath: String) -> RequestTarget {
        guard !basePath.isEmpty, path.utf8.starts(with: basePath.utf8) else { return self }
        let rest = path.utf8.dropFirst(basePath.utf8.count)
        guard rest.isEmpty || rest.first == UInt8(ascii: "/") else { return self }
        var target = self
        target.path = rest.isEmpty ? "/" : String(Substring(rest))
        return target
    }

    private static func isPlainPath(_ bytes: UnsafeBufferPointer<UInt8>) -> Bool {
        bytes.first == UInt8(ascii: "/") && !bytes.contains { $0 == UInt8(ascii: "?") || $0 == UInt8(ascii: "%") }
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
        let (isSound, hasRows) = path.withBytes { look(at: $0) }
        guard isSound else { throw Problem(.invalidPath) }
        guard hasRows else { return path }
        let segments = path.utf8.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: true)
        let trailing = path.utf8.last == UInt8(ascii: "/") && !segments.isEmpty ? "/" : ""
        return "/" + segments.map { String(Substring($0)) }.joined(separator: "/") + trailing
    }

    /// U+FFFD.
    private static let replacement: [UInt8] = [0xEF, 0xBF, 0xBD]

    /// - Returns: whether all is as it should be, and whether there are several slashes in a row.
    private static func look(at bytes: UnsafeBufferPointer<UInt8>) -> (isSound: Bool, hasRows: Bool) {
        guard bytes.first == UInt8(ascii: "/") else { return (false, false) }
        /// Bytes since the last slash, and whether they were all dots.
        var length = 0
        var onlyDots = false
        var hasRows = false
        for (index, byte) in bytes.enumerated() {
            switch byte {
            case UInt8(ascii: "/"):
                if onlyDots && length <= 2 { return (false, false) }
                if length == 0, index > 0 { hasRows = true }
                length = 0
                onlyDots = false
            case UInt8(ascii: "."):
                onlyDots = length == 0 || onlyDots
                length += 1
            case 0..<0x20, 0x7F:
                return (false, false)
            case 0xEF where bytes[index...].starts(with: replacement):
                return (false, false)
            default:
                onlyDots = false
                length += 1
            }
        }
        return (!(onlyDots && length <= 2), hasRows)
    }
}
