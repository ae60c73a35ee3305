import HTTPTypes

/// The header block of a CGI response (RFC 3875 §6), as CGI writes it to stdout and FastCGI to its STDOUT stream.
public enum GatewayResponse {
    /// `Status`, the fields, `Content-Length` when the body's length is known, and the blank line. CRLF line ends.
    ///
    /// A body of unknown length is being made while it is sent, so nginx is asked to pass it on as it comes.
    public static func head(of response: Response) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(512)
        bytes.append(ascii: "Status: ")
        bytes.append(ascii: String(response.status.code))
        if !response.status.reasonPhrase.isEmpty {
            bytes.append(UInt8(ascii: " "))
            bytes.append(ascii: response.status.reasonPhrase)
        }
        bytes.append(ascii: "\r\n")
        for field in response.fields where !isFraming(field.name) {
            bytes.append(ascii: field.name.rawName)
            bytes.append(ascii: ": ")
            field.withUnsafeBytesOfValue { bytes += $0 }
            bytes.append(ascii: "\r\n")
        }
        response.common?.append(to: &bytes)
        if response.statusAllowsBody {
            if let length = response.body.length {
                bytes.append(ascii: "Content-Length: ")
                bytes.append(ascii: String(length))
                bytes.append(ascii: "\r\n")
            } else {
                bytes.append(ascii: "X-Accel-Buffering: no\r\n")
            }
        }
        bytes.append(ascii: "\r\n")
        return bytes
    }

    /// Fields that belong to the connection between web server and caller, and to us only as the body's length.
    private static func isFraming(_ name: HTTPField.Name) -> Bool {
        // Nearly every name is told apart by its length alone.
        switch name.canonicalName.utf8.count {
        case 10: name.canonicalName == "connection" || name.canonicalName == "keep-alive"
        case 14: name.canonicalName == "content-length"
        case 17: name.canonicalName == "transfer-encoding"
        default: false
        }
    }
}

extension [UInt8] {
    /// Appends the bytes of `text` in one piece.
    fileprivate mutating func append(ascii text: String) {
        text.withBytes { append(contentsOf: $0) }
    }
}
