import HTTPTypes

/// The meta-variables that a web server hands to a CGI program or a FastCGI application (RFC 3875 §4.1).
public struct GatewayVariables: Sendable {
    /// Most header fields of a request; more are 431 `headers_too_large`.
    public static let maximumFields = 200

    /// The variable that names the CGI program which the web server started: what our own programs say of themselves.
    public static let program = "CALLWAITING_PROGRAM"

    private let pairs: [(name: String, value: String)]

    /// Of a name given twice the first value stands: what the server sets comes before what a caller could add.
    public init(_ pairs: some Sequence<(String, String)>) {
        self.pairs = pairs.map { (name: $0.0, value: $0.1) }
    }

    /// The same for pairs that are in an array already, as every FastCGI request has them.
    public init(pairs: [(name: String, value: String)]) { self.pairs = pairs }

    /// The variable's value. Absent and empty are the same thing (RFC 3875 §4.1).
    public subscript(name: String) -> String? {
        guard let value = pairs.first(where: { $0.name == name })?.value, !value.isEmpty else { return nil }
        return value
    }

    /// Reads the request's head.
    ///
    /// The path is that of `REQUEST_URI` without `basePath`: raw, and the same whatever the server makes of scripts.
    /// Servers that do not send it are read by `PATH_INFO`, then by `SCRIPT_NAME` with `PATH_INFO`; both of these come
    /// decoded. Where `REQUEST_URI` leads to no route they are tried as well, so that a program mapped at
    /// `/cgi-bin/create-agent` answers under that name too.
    ///
    /// - Parameter basePath: what the operator put before our paths, without a trailing slash; usually empty.
    /// - Throws: ``Problem`` 400 for a path, method, length or field that HTTP does not allow; 431.
    public func requestHead(basePath: String = "") throws(Problem) -> RequestHead {
        guard let methodText = self["REQUEST_METHOD"], let method = HTTPRequest.Method(rawValue: methodText) else {
            throw Problem(.malformedRequest)
        }
        var targets = try targets(basePath: basePath)
        guard !targets.isEmpty else { throw Problem(.invalidPath) }
        var head = RequestHead(
            method: method, target: targets.removeFirst(), otherTargets: targets, fields: try fields(),
            clientAddress: self["REMOTE_ADDR"])
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
        if let scriptName = self["SCRIPT_NAME"] {
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
        var blanked: Set<String> = []
        for (variable, value) in pairs where variable.utf8.starts(with: "HTTP_".utf8) {
            guard !value.isEmpty else {
                blanked.insert(variable)
                continue
            }
            guard let name = Self.fieldName(variable), name != .contentType, name != .contentLength, name != .proxy,
                !fields.contains(name), blanked.isEmpty || !blanked.contains(variable)
            else { continue }
            guard fields.count < Self.maximumFields else { throw Problem(.headersTooLarge) }
            try Self.append(name, value, to: &fields)
        }
        if let type = self["CONTENT_TYPE"] { try Self.append(.contentType, type, to: &fields) }
        if let length = self["CONTENT_LENGTH"] {
            guard Int(strictDecimal: length) != nil else { throw Problem(.invalidContentLength) }
            try Self.append(.contentLength, length, to: &fields)
        }
        if !fields.contains(.authorization), let hidden = self["REDIRECT_HTTP_AUTHORIZATION"] {
            try Self.append(.authorization, hidden, to: &fields)
        }
        return fields
    }

    /// Only the characters that a web server makes of a field's name (RFC 3875 §4.1.18), so that no two variables are the
    /// same field.
    private static func fieldName(_ variable: String) -> HTTPField.Name? {
        if let name = commonNames[variable] { return name }
        var text: [UInt8] = []
        text.reserveCapacity(variable.utf8.count)
        for byte in variable.utf8.dropFirst(5) {
            switch byte {
            case UInt8(ascii: "_"): text.append(UInt8(ascii: "-"))
            case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "0")...UInt8(ascii: "9"): text.append(byte)
            default: return nil
            }
        }
        return HTTPField.Name(String(decoding: text, as: UTF8.self))
    }

    /// White space around a value is not part of it; a control character inside is not HTTP (RFC 9110 §5.5).
    ///
    /// Appends rather than sets: setting `Cookie` makes a field of each of its parts, of which a caller may send so many
    /// that `HTTPFields` gives up the process.
    private static func append(_ name: HTTPField.Name, _ text: String, to fields: inout HTTPFields) throws(Problem) {
        guard text.utf8.allSatisfy({ $0 >= 0x20 && $0 != 0x7F || $0 == 0x09 }) else { throw Problem(.malformedRequest) }
        fields.append(HTTPField(name: name, value: text))
    }

    /// Spares making a name anew for the fields that nearly every request has.
    private static let commonNames: [String: HTTPField.Name] = [
        "HTTP_ACCEPT": .accept, "HTTP_ACCEPT_ENCODING": .acceptEncoding, "HTTP_ACCEPT_LANGUAGE": .acceptLanguage,
        "HTTP_AUTHORIZATION": .authorization, "HTTP_CONNECTION": .connection, "HTTP_COOKIE": .cookie,
        "HTTP_ORIGIN": .origin, "HTTP_RANGE": .range, "HTTP_REFERER": .referer, "HTTP_USER_AGENT": .userAgent,
    ]
}
