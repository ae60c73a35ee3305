import FunctionCore
import HTTPTypes
import NIOHTTP1

/// How one HTTP message is framed, and what its connection does after it (RFC 9112 §6, §9).
struct MessageFraming {
    var hasBody: Bool
    var keepsAlive: Bool
    var expectsContinue: Bool
    var isHTTP10: Bool

    /// Of bytes that made no message.
    static let unreadable = MessageFraming()

    private init() {
        (hasBody, keepsAlive, expectsContinue, isHTTP10) = (false, false, false, false)
    }

    /// - Throws: ``Problem`` 400 for a message that two parties could read differently: no or several `Host`, both ways
    ///   of framing at once, or a coding that is not plain `chunked` (RFC 9112 §3.2, §6.1).
    init(_ head: HTTPRequestHead) throws(Problem) {
        isHTTP10 = head.version == .http1_0
        guard isHTTP10 || head.version == .http1_1 else { throw Problem(.malformedRequest, "HTTP/1.1 is spoken here.") }
        let hosts = head.headers["host"].count
        guard hosts == 1 || (isHTTP10 && hosts == 0) else {
            throw Problem(.malformedRequest, "Host must be sent once.")
        }
        let codings = head.headers["transfer-encoding"]
        let lengths = head.headers["content-length"]
        guard codings.isEmpty || (lengths.isEmpty && !isHTTP10) else {
            throw Problem(.malformedRequest, "Transfer-Encoding cannot come with Content-Length, nor in HTTP/1.0.")
        }
        guard codings.isEmpty || (codings.count == 1 && codings[0].lowercased() == "chunked") else {
            throw Problem(.malformedRequest, "The only Transfer-Encoding taken is chunked.")
        }
        hasBody = !codings.isEmpty || lengths.contains { $0 != "0" }
        expectsContinue = !isHTTP10 && head.headers["expect"].contains { $0.lowercased() == "100-continue" }
        // After an upgrade is asked for, the parser reads no further request.
        let upgrades = head.method == .CONNECT || !head.headers["upgrade"].isEmpty
        keepsAlive = head.isKeepAlive && !upgrades
    }
}

extension RequestHead {
    /// - Throws: ``Problem`` 400 or 414 for a method, target or field that HTTP does not allow.
    init(_ head: HTTPRequestHead, clientAddress: String?) throws(Problem) {
        guard let method = HTTPRequest.Method(rawValue: head.method.rawValue) else { throw Problem(.malformedRequest) }
        var fields = HTTPFields()
        fields.reserveCapacity(head.headers.count)
        for (name, value) in head.headers {
            guard let name = HTTPField.Name(name), HTTPField.isValidValue(value) else {
                throw Problem(.malformedRequest, "A header field is malformed.")
            }
            fields.append(HTTPField(name: name, value: value))
        }
        self.init(method: method, target: try RequestTarget(head.uri), fields: fields, clientAddress: clientAddress)
    }
}
