import HTTPTypes

/// The header block of a CGI response (RFC 3875 §6), as CGI writes it to stdout and FastCGI to its STDOUT stream.
public enum GatewayResponse {
    /// `Status`, the fields, `Content-Length` when the body's length is known, and the blank line. CRLF line ends.
    public static func head(of response: Response) -> [UInt8] {
        var text = "Status: \(response.status.code)"
        if !response.status.reasonPhrase.isEmpty { text += " \(response.status.reasonPhrase)" }
        text += "\r\n"
        for field in response.fields where !isFraming(field.name) {
            text += "\(field.name.rawName): \(field.value)\r\n"
        }
        if response.statusAllowsBody, let length = response.body.length { text += "Content-Length: \(length)\r\n" }
        return Array((text + "\r\n").utf8)
    }

    /// Fields that belong to the connection between web server and caller, and to us only as the body's length.
    private static func isFraming(_ name: HTTPField.Name) -> Bool {
        [.contentLength, .transferEncoding, .connection, HTTPField.Name("Keep-Alive")!].contains(name)
    }
}
