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

    /// The `Date` field and the end of the head, remade when the second has passed.
    private var lastLines = (second: 0, text: "")

    /// The status line, the fields and the blank line.
    mutating func head(
        of response: Response, framing: Framing, keepsAlive: Bool, isHTTP10: Bool, into buffer: inout ByteBuffer
    ) {
        buffer.writeStaticString("HTTP/1.1 ")
        buffer.writeString(String(response.status.code))
        buffer.writeStaticString(" ")
        buffer.writeString(response.status.reasonPhrase)
        buffer.writeStaticString("\r\n")
        for field in response.fields where !Self.isFraming(field.name) {
            buffer.writeString(field.name.rawName)
            buffer.writeStaticString(": ")
            field.withUnsafeBytesOfValue { _ = buffer.writeBytes($0) }
            buffer.writeStaticString("\r\n")
        }
        if let common = response.common {
            var lines: [UInt8] = []
            lines.reserveCapacity(256)
            common.append(to: &lines)
            buffer.writeBytes(lines)
        }
        switch framing {
        case .length(let length?):
            buffer.writeStaticString("Content-Length: ")
            buffer.writeString(String(length))
            buffer.writeStaticString("\r\n")
        case .chunked: buffer.writeStaticString("Transfer-Encoding: chunked\r\n")
        case .length(nil), .close: break
        }
        if !keepsAlive {
            buffer.writeStaticString("Connection: close\r\n")
        } else if isHTTP10 {
            buffer.writeStaticString("Connection: keep-alive\r\n")
        }
        let second = UTCTime.secondsSince1970()
        if second != lastLines.second {
            lastLines = (second, "Date: \(UTCTime(secondsSince1970: second).httpDate)\r\n\r\n")
        }
        buffer.writeString(lastLines.text)
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
        switch name.canonicalName {
        case "content-length", "transfer-encoding", "connection", "keep-alive", "date": true
        default: false
        }
    }
}
