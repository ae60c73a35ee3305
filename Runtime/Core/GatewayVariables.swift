import HTTPTypes

/// The meta-variables that a web server hands to a CGI program or a FastCGI application (RFC 3875 §4.1).
public struct GatewayVariables: Sendable {
    /// Most header fields of a request; more are 431 `headers_too_large`.
    public static let maximumFields = 200

    /// The variable that names the CGI program which the web server started: what our own programs say of themselves.
    public static let program = "CALLWAITING_PROGRAM"

    /// Where a pair is in the bytes.
    public typealias Place = (name: Range<Int>, value: Range<Int>)

    private let bytes: [UInt8]
    private let places: [Place]

    /// Takes the pairs where they are, as a FastCGI request brings them: text is made only of what is asked for.
    ///
    /// Of a name given twice the first value stands: what the server sets comes before what a caller could add.
    ///
    /// - Precondition: every place is within `bytes`.
    public init(bytes: [UInt8], places: [Place]) {
        self.bytes = bytes
        self.places = places
    }

    /// The same for pairs of text.
    public init(_ pairs: some Sequence<(String, String)>) {
        var bytes: [UInt8] = []
        places = pairs.map { name, value in
            let start = bytes.count
            bytes += name.utf8
            let middle = bytes.count
            bytes += value.utf8
            return (start..<middle, middle..<bytes.count)
        }
        self.bytes = bytes
    }

    /// The variable's value. Absent and empty are the same thing (RFC 3875 §4.1).
    public subscript(name: String) -> String? {
        guard let place = place(of: name), !place.value.isEmpty else { return nil }
        return bytes.withUnsafeBufferPointer { String(decoding: $0[place.value], as: UTF8.self) }
    }

    private func place(of name: String) -> Place? {
        bytes.withUnsafeBufferPointer { bytes in
            name.withBytes { name in places.first { bytes.has(name, at: $0.name) } }
        }
    }

    /// Reads the request's head.
    ///
    /// The path is that of `REQUEST_URI` without `basePath`: raw, and the same whatever the server makes of scripts.
    /// Servers that do not send it are read by `PATH_INFO`, then by `SCRIPT_NAME` with `PATH_INFO`; both of these come
    /// decoded. Where `REQUEST_URI` leads to no route they are tried as well, so that a program mapped at
    /// `/cgi-bin/create-agent` answers under that name too.
    ///
    /// - Parameters:
    ///   - basePath: what the operator put before our paths, without a trailing slash; usually empty.
    ///   - trustedProxies: those before the web server whose `X-Forwarded-For` is believed.
    /// - Throws: ``Problem`` 400 for a path, method, length or field that HTTP does not allow; 431.
    public func requestHead(
        basePath: String = "", _ trustedProxies: TrustedProxies = .none
    ) throws(Problem) -> RequestHead {
        guard let methodText = self["REQUEST_METHOD"], let method = HTTPRequest.Method(rawValue: methodText) else {
            throw Problem(.malformedRequest)
        }
        var targets = try targets(basePath: basePath)
        guard !targets.isEmpty else { throw Problem(.invalidPath) }
        var head = RequestHead(
            method: method, target: targets.removeFirst(), otherTargets: targets, fields: try fields(),
            clientAddress: trustedProxies.clientAddress(
                peer: self["REMOTE_ADDR"], forwardedFor: self["HTTP_X_FORWARDED_FOR"].map { [$0] } ?? []))
        if let path = self[Self.program] {
            head.program = RequestHead.Program(path: path, hasPathInfo: self["PATH_INFO"] != nil)
        }
        return head
    }

    /// What the path could be. The first must be sound; further ones are guesses, and dropped when they are not.
    private func targets(basePath: String) throws(Problem) -> [RequestTarget] {
        let query = self["QUERY_STRING"] ?? ""
        let pathInfo = self["PATH_INFO"]
        var targets: [RequestTarget] = []
        func add(_ make: () throws(Problem) -> RequestTarget) throws(Problem) {
            do {
                let target = try make()
                if !targets.contains(target) { targets.append(target) }
            } catch  where !targets.isEmpty {}
        }
        if let uri = self["REQUEST_URI"] {
            try add { () throws(Problem) in
                var target = try RequestTarget(uri)
                if target.query.raw.isEmpty { target.query = Query(raw: query) }
                return target.below(basePath)
            }
        }
        if let pathInfo {
            try add { () throws(Problem) in try RequestTarget(decodedPath: pathInfo, query: query) }
        }
        if let scriptName = self["SCRIPT_NAME"], pathInfo != nil || targets.first?.path != scriptName {
            try add { () throws(Problem) in
                try RequestTarget(decodedPath: scriptName + (pathInfo ?? ""), query: query).below(basePath)
            }
        }
        return targets
    }

    /// `HTTP_X_AGENT_KEY` is `X-AGENT-KEY`; `CONTENT_TYPE` and `CONTENT_LENGTH` come without `HTTP_`, and what a caller
    /// sent as `HTTP_CONTENT_LENGTH` does not count. Apache shows a hidden `Authorization` as
    /// `REDIRECT_HTTP_AUTHORIZATION` after an internal redirect.
    private func fields() throws(Problem) -> HTTPFields {
        var fields = HTTPFields()
        var blanked: [HTTPField.Name] = []
        for place in places {
            guard let name = fieldName(at: place.name), name != .contentType, name != .contentLength, name != .proxy,
                !fields.contains(name), !blanked.contains(name)
            else { continue }
            guard !place.value.isEmpty else {
                blanked.append(name)
                continue
            }
            guard fields.count < Self.maximumFields else { throw Problem(.headersTooLarge) }
            fields.append(HTTPField(name: name, value: try fieldValue(at: place.value)))
        }
        if let type = try fieldValue(of: "CONTENT_TYPE") { fields.append(HTTPField(name: .contentType, value: type)) }
        if let length = self["CONTENT_LENGTH"] {
            guard Int(strictDecimal: length) != nil else { throw Problem(.invalidContentLength) }
            fields.append(HTTPField(name: .contentLength, value: length))
        }
        if !fields.contains(.authorization), let hidden = try fieldValue(of: "REDIRECT_HTTP_AUTHORIZATION") {
            fields.append(HTTPField(name: .authorization, value: hidden))
        }
        return fields
    }

    /// The field that a variable called `HTTP_…` is. Its name has only the characters that a web server makes of a
    /// field's name (RFC 3875 §4.1.18), so that no two variables are the same field; nil for any other.
    private func fieldName(at place: Range<Int>) -> HTTPField.Name? {
        bytes.withUnsafeBufferPointer { bytes in
            guard place.count > 5, bytes[place].starts(with: Self.fieldPrefix) else { return nil }
            let name = bytes[place.lowerBound + 5..<place.upperBound]
            for common in Self.commonNames where bytes.has(common.variable, at: name.indices) { return common.field }
            var text: [UInt8] = []
            text.reserveCapacity(name.count)
            for byte in name {
                switch byte {
                case UInt8(ascii: "_"): text.append(UInt8(ascii: "-"))
                case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "0")...UInt8(ascii: "9"): text.append(byte)
                default: return nil
                }
            }
            return HTTPField.Name(String(decoding: text, as: UTF8.self))
        }
    }

    /// White space around a value is not part of it; a control character inside is not HTTP (RFC 9110 §5.5).
    ///
    /// Fields are appended with what this returns, never set: setting `Cookie` makes a field of each of its parts, of
    /// which a caller may send so many that `HTTPFields` gives up the process.
    private func fieldValue(at place: Range<Int>) throws(Problem) -> String {
        let text: String? = bytes.withUnsafeBufferPointer { bytes in
            let value = UnsafeBufferPointer(rebasing: bytes[place])
            return value.hasControlCharacter(besidesTab: true) ? nil : String(decoding: value, as: UTF8.self)
        }
        guard let text else { throw Problem(.malformedRequest) }
        return text
    }

    private func fieldValue(of name: String) throws(Problem) -> String? {
        guard let place = place(of: name), !place.value.isEmpty else { return nil }
        return try fieldValue(at: place.value)
    }

    private static let fieldPrefix = Array("HTTP_".utf8)

    /// Spares making a name anew for the fields that nearly every request has.
    private static let commonNames: [(variable: StaticString, field: HTTPField.Name)] = [
        ("HOST", HTTPField.Name("Host")!), ("USER_AGENT", .userAgent), ("ACCEPT", .accept),
        ("ACCEPT_ENCODING", .acceptEncoding), ("AUTHORIZATION", .authorization), ("CONNECTION", .connection),
        ("ACCEPT_LANGUAGE", .acceptLanguage), ("COOKIE", .cookie), ("ORIGIN", .origin), ("RANGE", .range),
        ("REFERER", .referer), ("CONTENT_LENGTH", .contentLength), ("CONTENT_TYPE", .contentType),
    ]
}
