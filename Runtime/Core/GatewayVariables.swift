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
    /// Of a name given twice the first value stands, as it does for most readers of an environment. A caller can bring
    /// that about: nginx and HAProxy make a variable of each line of a repeated header field.
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
        return bytes.withUnsafeBufferPointer {
            String(decoding: UnsafeBufferPointer(rebasing: $0[place.value]), as: UTF8.self)
        }
    }

    /// The values of a variable that is there several times, in their order: each proxy may have added its own.
    private func values(of name: StaticString) -> [String] {
        bytes.withUnsafeBufferPointer { bytes in
            places.lazy.filter { bytes.has(name, at: $0.name) }.compactMap { text(in: bytes, of: $0) }
        }
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
        try checkFields()
        var targets = try targets(basePath: basePath)
        guard !targets.isEmpty else { throw Problem(.invalidPath) }
        return RequestHead(
            method: method, target: targets.removeFirst(), otherTargets: targets, fields: RequestFields(self),
            clientAddress: trustedProxies.clientAddress(
                peer: self["REMOTE_ADDR"], forwardedFor: values(of: "HTTP_X_FORWARDED_FOR")),
            program: self[Self.program].map { RequestHead.Program(path: $0, hasPathInfo: self["PATH_INFO"] != nil) })
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

    /// One pass over what callers can put there, so that what is asked for later need not be looked at again: a control
    /// character inside a value is not HTTP (RFC 9110 §5.5).
    private func checkFields() throws(Problem) {
        var count = 0
        let isSound = bytes.withUnsafeBufferPointer { bytes in
            for place in places where bytes.has(Self.fieldPrefix, atStartOf: place.name) {
                count += 1
                if UnsafeBufferPointer(rebasing: bytes[place.value]).hasControlCharacter(besidesTab: true) {
                    return false
                }
            }
            for name in [Self.contentType, Self.hiddenAuthorization] {
                guard let place = place(in: bytes, of: name) else { continue }
                if UnsafeBufferPointer(rebasing: bytes[place.value]).hasControlCharacter(besidesTab: true) {
                    return false
                }
            }
            return true
        }
        guard isSound else { throw Problem(.malformedRequest) }
        guard count <= Self.maximumFields else { throw Problem(.headersTooLarge) }
        if let length = self["CONTENT_LENGTH"], Int(strictDecimal: length) == nil {
            throw Problem(.invalidContentLength)
        }
    }

    /// The value of a header field, without white space around it; nil when it is absent or empty.
    ///
    /// `HTTP_X_AGENT_KEY` is `X-AGENT-KEY`; `CONTENT_TYPE` and `CONTENT_LENGTH` come without `HTTP_`, and what a caller
    /// sent as `HTTP_CONTENT_LENGTH` does not count. Apache shows a hidden `Authorization` as
    /// `REDIRECT_HTTP_AUTHORIZATION` after an internal redirect.
    func field(_ name: HTTPField.Name) -> String? {
        bytes.withUnsafeBufferPointer { bytes in
            switch name {
            case .proxy: return nil
            case .contentType: return text(in: bytes, of: place(in: bytes, of: Self.contentType))
            case .contentLength: return text(in: bytes, of: place(in: bytes, of: Self.contentLength))
            default: break
            }
            let place = name.canonicalName.withBytes { name in
                places.first { bytes.isVariable(ofField: name, at: $0.name) }
            }
            if let text = text(in: bytes, of: place) { return text }
            guard name == .authorization else { return nil }
            return text(in: bytes, of: self.place(in: bytes, of: Self.hiddenAuthorization))
        }
    }

    /// All header fields, in the order of their variables.
    var fields: HTTPFields {
        var fields = HTTPFields()
        let names = [HTTPField.Name.contentType, .contentLength, .authorization] + places.compactMap(fieldName)
        var seen: Set<HTTPField.Name> = []
        for name in names where seen.insert(name).inserted {
            // Appended, never set: setting `Cookie` makes a field of each of its parts, of which a caller may send so
            // many that `HTTPFields` gives up the process.
            if let value = field(name) { fields.append(HTTPField(name: name, value: value)) }
        }
        return fields
    }

    /// The field that a variable called `HTTP_…` is. Its name has only the characters that a web server makes of a
    /// field's name (RFC 3875 §4.1.18), so that no two variables are the same field; nil for any other.
    private func fieldName(of place: Place) -> HTTPField.Name? {
        bytes.withUnsafeBufferPointer { bytes in
            guard bytes.has(Self.fieldPrefix, atStartOf: place.name) else { return nil }
            var text: [UInt8] = []
            for byte in bytes[place.name].dropFirst(Self.fieldPrefix.utf8CodeUnitCount) {
                switch byte {
                case UInt8(ascii: "_"): text.append(UInt8(ascii: "-"))
                case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "0")...UInt8(ascii: "9"): text.append(byte)
                default: return nil
                }
            }
            return HTTPField.Name(String(decoding: text, as: UTF8.self))
        }
    }

    private func place(in bytes: UnsafeBufferPointer<UInt8>, of name: StaticString) -> Place? {
        places.first { bytes.has(name, at: $0.name) }
    }

    /// What is not UTF-8 in it becomes U+FFFD.
    private func text(in bytes: UnsafeBufferPointer<UInt8>, of place: Place?) -> String? {
        guard let place else { return nil }
        let value = bytes.withoutSpaceAround(place.value)
        return value.isEmpty ? nil : String(decoding: UnsafeBufferPointer(rebasing: bytes[value]), as: UTF8.self)
    }

    private static let fieldPrefix: StaticString = "HTTP_"
    private static let contentType: StaticString = "CONTENT_TYPE"
    private static let contentLength: StaticString = "CONTENT_LENGTH"
    private static let hiddenAuthorization: StaticString = "REDIRECT_HTTP_AUTHORIZATION"
}
