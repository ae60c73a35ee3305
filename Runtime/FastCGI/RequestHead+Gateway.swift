import FastCGIWire
import FunctionCore
import HTTPTypes

/// The web server's side: what it tells an application, or a CGI program, of a request.
extension RequestHead {
    /// The meta-variables of RFC 3875 §4.1, and REQUEST_URI as every web server sends it.
    ///
    /// - Parameter serverName: what `SERVER_NAME` is to say, as `serverPort` is for `SERVER_PORT`.
    public func gatewayVariables(serverName: String, serverPort: Int, bodyLength: Int) -> [NameValuePair] {
        let path = target.segments.map { PercentEncoding.encode($0) }.joined(separator: "/")
        let query = target.query.raw
        var parameters = [
            NameValuePair("GATEWAY_INTERFACE", "CGI/1.1"), NameValuePair("SERVER_SOFTWARE", "callwaiting"),
            NameValuePair("SERVER_PROTOCOL", "HTTP/1.1"), NameValuePair("REQUEST_SCHEME", "http"),
            NameValuePair("SERVER_NAME", serverName),
            NameValuePair("SERVER_PORT", String(serverPort)),
            NameValuePair("REQUEST_METHOD", method.rawValue),
            NameValuePair("REQUEST_URI", "/\(path)\(query.isEmpty ? "" : "?\(query)")"),
            NameValuePair("SCRIPT_NAME", target.path), NameValuePair("QUERY_STRING", query),
            NameValuePair("REMOTE_ADDR", clientAddress ?? ""),
        ]
        if bodyLength > 0 || fields[.contentLength] != nil {
            parameters.append(NameValuePair("CONTENT_LENGTH", String(bodyLength)))
        }
        if let type = fields[.contentType] { parameters.append(NameValuePair("CONTENT_TYPE", type)) }
        var seen: Set<HTTPField.Name> = Self.notForwarded
        // `X_Key` and `X-Key` would become the same variable, and only one of them can be what a function checks.
        for field in fields where !field.name.rawName.utf8.contains(UInt8(ascii: "_")) {
            guard seen.insert(field.name).inserted, let value = fields[field.name] else { continue }
            parameters.append(NameValuePair(Self.variable(field.name), value))
        }
        return parameters
    }

    /// What belongs to the connection, has a variable of its own, or must never be one (httpoxy).
    private static let notForwarded: Set<HTTPField.Name> = [
        .connection, .contentLength, .contentType, .expect, .proxy, .te, .trailer, .transferEncoding, .upgrade,
        HTTPField.Name("Keep-Alive")!,
    ]

    private static func variable(_ name: HTTPField.Name) -> String {
        let letters = name.canonicalName.utf8.map { byte in
            switch byte {
            case UInt8(ascii: "-"): UInt8(ascii: "_")
            case UInt8(ascii: "a")...UInt8(ascii: "z"): byte - 32
            default: byte
            }
        }
        return "HTTP_" + String(decoding: letters, as: UTF8.self)
    }
}
