import FunctionChannel
import FunctionCore
import HTTPTypes
import NIOCore

/// Writes responses as HTTP/1.1 (RFC 9112 §4, §7.1).
struct ResponseEncoder {
    enum Framing {
        /// `Content-Length`, or no body at all.
        case length(Int?)
        case chunked
        /// The body ends with the connection: HTTP/1.0.
        case close
    }

    private var date = (second: 0, text: "")

    /// The status line, the fields and the blank line.
    mutating func head(
        of response: Response, framing: Framing, keepsAlive: Bool, isHTTP10: Bool, into buffer: inout ByteBuffer
    ) {
        buffer.writeString("HTTP/1.1 \(response.status.code) \(response.status.reasonPhrase)\r\n")
        for field in response.fields where !Self.isFraming(field.name) {
            buffer.writeString(field.name.rawName)
            buffer.writeStaticString(": ")
            buffer.writeString(field.value)
            buffer.writeStaticString("\r\n")
        }
        switch framing {
        case .length(let length?): buffer.writeString("Content-Length: \(length)\r\n")
        case .chunked: buffer.writeStaticString("Transfer-Encoding: chunked\r\n")
        case .length(nil), .close: break
        }
        if !keepsAlive {
            buffer.writeStaticString("Connection: close\r\n")
        } else if isHTTP10 {
            buffer.writeStaticString("Connection: keep-alive\r\n")
        }
        buffer.writeString("Date: \(currentDate())\r\n\r\n")
    }

    /// One chunk; never empty, since an empty one ends the body.
    static func chunk(_ bytes: ByteBuffer, into buffer: inout ByteBuffer) {
        buffer.writeString(String(bytes.readableBytes, radix: 16))
        buffer.writeStaticString("\r\n")
        buffer.writeImmutableBuffer(bytes)
        buffer.writeStaticString("\r\n")
    }

    static let lastChunk = ByteBuffer(string: "0\r\n\r\n")
    static let goAhead = ByteBuffer(string: "HTTP/1.1 100 Continue\r\n\r\n")

    /// Fields that are the host's to decide.
    private static func isFraming(_ name: HTTPField.Name) -> Bool {
        framingNames.contains(name)
    }

    private static let framingNames: [HTTPField.Name] = [
        .contentLength, .transferEncoding, .connection, .date, HTTPField.Name("Keep-Alive")!,
    ]

    private mutating func currentDate() -> String {
        let second = UTCTime.secondsSince1970()
        if second != date.second { date = (second, UTCTime(secondsSince1970: second).httpDate) }
        return date.text
    }
}
