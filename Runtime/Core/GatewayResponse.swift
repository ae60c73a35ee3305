import HTTPTypes

/// The header block of a CGI response (RFC 3875 §6), as CGI writes it to stdout and FastCGI to its STDOUT stream.
public enum GatewayResponse {
    /// `Status`, the fields, `Content-Length` when the body's length is known, and the blank line. CRLF line ends.
    ///
    /// A body of unknown length is being made while it is sent, so nginx is asked to pass it on as it comes.
    public static func head(of response: Response) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(512)
        bytes += "Status: \(response.status.code)".utf8
        if !response.status.reasonPhrase.isEmpty {
            bytes.append(UInt8(ascii: " "))
            bytes += response.status.reasonPhrase.utf8
        }
        bytes += lineEnd
        for field in response.fields where !isFraming(field.name) {
            bytes += field.name.rawName.utf8
            bytes += ": ".utf8
            field.withUnsafeBytesOfValue { bytes += $0 }
            bytes += lineEnd
        }
        if response.statusAllowsBody {
            if let length = response.body.length {
                bytes += "Content-Length: \(length)\r\n".utf8
            } else {
                bytes += "X-Accel-Buffering: no\r\n".utf8
            }
        }
        bytes += lineEnd
        return bytes
    }

    private static let lineEnd: [UInt8] = [0x0D, 0x0A]

    /// Fields that belong to the connection between web server and caller, and to us only as the body's length.
    private static func isFraming(_ name: HTTPField.Name) -> Bool {
        switch name.canonicalName {
        case "content-length", "transfer-encoding", "connection", "keep-alive": true
        default: false
        }
    }
}
