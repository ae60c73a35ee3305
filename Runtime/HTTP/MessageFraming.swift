import FunctionChannel
import FunctionCore
import HTTPTypes
import NIOHTTP1

/// How one HTTP message is framed, and what its connection does after it (RFC 9112 §6, §9).
struct MessageFraming {
    var hasBody = false
    var keepsAlive = false
    var expectsContinue = false
    var isHTTP10 = false

    /// Of bytes that made no message.
    static let unreadable = MessageFraming()

    /// Reads the head of a request, in one pass over its fields.
    ///
    /// - Parameter peer: the address at the socket's other end; nil on a Unix socket.
    /// - Throws: ``Problem`` 400 or 414 for a method, target or field that HTTP does not allow, and for a message that two
    ///   parties could read differently: no or several `Host`, both ways of framing at once, or a coding that is not
    ///   plain `chunked` (RFC 9112 §3.2, §6.1).
    static func read(
        _ head: HTTPRequestHead, peer: String?, _ serving: Serving
    ) throws(Problem) -> (MessageFraming, RequestHead) {
        var framing = MessageFraming()
        framing.isHTTP10 = head.version == .http1_0
        guard framing.isHTTP10 || head.version == .http1_1,
            let method = HTTPRequest.Method(rawValue: head.method.rawValue)
        else { throw Problem(.malformedRequest, "HTTP/1.1 is spoken here.") }
        // After an upgrade is asked for, the parser reads no further request.
        framing.keepsAlive = head.isKeepAlive && head.method != .CONNECT
        var (hosts, codings, hasLength) = (0, [String](), false)
        var forwardedFor: [String] = []
        var fields = HTTPFields()
        fields.reserveCapacity(head.headers.count)
        for (name, raw) in head.headers {
            let value = raw.withoutTrailingSpace
            guard let name = HTTPField.Name(name), HTTPField.isValidValue(value) else {
                throw Problem(.malformedRequest, "A header field is malformed.")
            }
            switch name.canonicalName {
            case "host": hosts += 1
            case "transfer-encoding": codings.append(value.lowercased())
            case "content-length":
                hasLength = true
                framing.hasBody = framing.hasBody || value != "0"
            case "expect": framing.expectsContinue = !framing.isHTTP10 && value.lowercased() == "100-continue"
            case "upgrade": framing.keepsAlive = false
            case "x-forwarded-for": forwardedFor.append(value)
            default: break
            }
            // Absent and empty are the same to a function, as they are to a CGI program (RFC 3875 §4.1); not in a length.
            if !value.isEmpty || name == .contentLength { fields.append(HTTPField(name: name, value: value)) }
        }
        guard hosts == 1 || (framing.isHTTP10 && hosts == 0) else {
            throw Problem(.malformedRequest, "Host must be sent once.")
        }
        guard codings.isEmpty || (!hasLength && !framing.isHTTP10) else {
            throw Problem(.malformedRequest, "Transfer-Encoding cannot come with Content-Length, nor in HTTP/1.0.")
        }
        guard codings.isEmpty || codings == ["chunked"] else {
            throw Problem(.malformedRequest, "The only Transfer-Encoding taken is chunked.")
        }
        framing.hasBody = framing.hasBody || !codings.isEmpty
        let request = RequestHead(
            method: method, target: try RequestTarget(head.uri).below(serving.basePath), fields: RequestFields(fields),
            clientAddress: serving.trustedProxies.clientAddress(peer: peer, forwardedFor: forwardedFor))
        return (framing, request)
    }
}

extension String {
    /// White space around a field's value is not part of it (RFC 9110 §5.5); the parser takes away what leads it.
    fileprivate var withoutTrailingSpace: String {
        guard let last = utf8.last, last == 0x20 || last == 0x09 else { return self }
        let end = utf8.lastIndex { $0 != 0x20 && $0 != 0x09 }
        return end.map { String(self[...$0]) } ?? ""
    }
}
