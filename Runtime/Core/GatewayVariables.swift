import HTTPTypes

/// The meta-variables that a web server hands to a CGI program or a FastCGI application (RFC 3875 §4.1).
public struct GatewayVariables: Sendable {
    private var values: [String: String] = [:]

    /// Of a name given twice the first value stands: what the server sets comes before what a caller could add.
    public init(_ pairs: some Sequence<(String, String)>) {
        for (name, value) in pairs where values[name] == nil { values[name] = value }
    }

    /// The variable's value. Absent and empty are the same thing (RFC 3875 §4.1).
    public subscript(name: String) -> String? {
        values[name].flatMap { $0.isEmpty ? nil : $0 }
    }

    /// Reads the request's head.
    ///
    /// The path is that of `REQUEST_URI` without `basePath`: raw, and the same whatever the server makes of scripts.
    /// Servers that do not send it are read by `PATH_INFO`, then by `SCRIPT_NAME` with `PATH_INFO`; both of these come
    /// decoded. Where `REQUEST_URI` leads to no route they are tried as well, so that a program mapped at
    /// `/cgi-bin/create-agent` answers under that name too.
    ///
    /// - Parameter basePath: what the operator put before our paths, without a trailing slash; usually empty.
    /// - Throws: ``Problem`` 400 for a path, method or field that HTTP does not allow.
    public func requestHead(basePath: String = "") throws(Problem) -> RequestHead {
        guard let methodText = self["REQUEST_METHOD"], let method = HTTPRequest.Method(rawValue: methodText) else {
            throw Problem(.malformedRequest)
        }
        var targets = try targets(basePath: basePath)
        guard !targets.isEmpty else { throw Problem(.invalidPath) }
        return RequestHead(
            method: method, target: targets.removeFirst(), otherTargets: targets, fields: fields(),
            clientAddress: self["REMOTE_ADDR"])
    }

    private func targets(basePath: String) throws(Problem) -> [RequestTarget] {
        let query = self["QUERY_STRING"] ?? ""
        let scriptName = self["SCRIPT_NAME"] ?? ""
        var targets: [RequestTarget] = []
        if let uri = self["REQUEST_URI"] {
            targets.append(try RequestTarget(uri.removing(basePath: basePath)))
        }
        if let pathInfo = self["PATH_INFO"] {
            targets.append(try RequestTarget(decodedPath: pathInfo, query: query))
        }
        if !scriptName.isEmpty {
            let path = (scriptName + (self["PATH_INFO"] ?? "")).removing(basePath: basePath)
            targets.append(try RequestTarget(decodedPath: path, query: query))
        }
        return targets
    }

    /// `HTTP_X_AGENT_KEY` is `X-AGENT-KEY`; `CONTENT_TYPE` and `CONTENT_LENGTH` come without `HTTP_`, and what a caller
    /// sent as `HTTP_CONTENT_LENGTH` does not count. Apache shows a hidden `Authorization` as
    /// `REDIRECT_HTTP_AUTHORIZATION` after an internal redirect.
    private func fields() -> HTTPFields {
        var fields = HTTPFields()
        for (variable, value) in values where variable.hasPrefix("HTTP_") && !value.isEmpty {
            let text = variable.dropFirst(5).replacing(UInt8(ascii: "_"), with: UInt8(ascii: "-"))
            guard let name = HTTPField.Name(text), HTTPField.isValidValue(value), name != .contentType,
                name != .contentLength, name != .proxy
            else { continue }
            fields[name] = value
        }
        fields[.contentType] = self["CONTENT_TYPE"].flatMap { HTTPField.isValidValue($0) ? $0 : nil }
        fields[.contentLength] = self["CONTENT_LENGTH"].flatMap { HTTPField.isValidValue($0) ? $0 : nil }
        if fields[.authorization] == nil, let hidden = self["REDIRECT_HTTP_AUTHORIZATION"],
            HTTPField.isValidValue(hidden)
        {
            fields[.authorization] = hidden
        }
        return fields
    }
}

extension String {
    fileprivate func removing(basePath: String) -> String {
        guard !basePath.isEmpty, hasPrefix(basePath) else { return self }
        let rest = dropFirst(basePath.count)
        if rest.isEmpty { return "/" }
        return rest.first == "/" || rest.first == "?" ? String(rest.first == "?" ? "/" + rest : rest) : self
    }
}

extension Substring {
    fileprivate func replacing(_ old: UInt8, with new: UInt8) -> String {
        String(decoding: utf8.map { $0 == old ? new : $0 }, as: UTF8.self)
    }
}
