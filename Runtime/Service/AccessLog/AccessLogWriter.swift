import FunctionChannel
import FunctionCore

/// Makes lines. Belongs to one thread.
struct AccessLogWriter {
    private let format: AccessLogFormat
    /// The time as it is written, remade when the second has passed.
    private var second = (number: Int.min, text: "")

    init(_ format: AccessLogFormat) { self.format = format }

    mutating func lines(for entries: [AccessLogEntry]) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(entries.count * 256)
        for entry in entries {
            switch format {
            case .combined: append(combined: entry, to: &bytes)
            case .json: bytes += Self.json(entry).utf8
            }
            bytes.append(UInt8(ascii: "\n"))
        }
        return bytes
    }

    /// `client - - [time] "method path HTTP/1.1" status bytes "referrer" "user agent"`, then `microseconds id function
    /// transport ending code`.
    private mutating func append(combined entry: AccessLogEntry, to bytes: inout [UInt8]) {
        Self.append(word: entry.client, to: &bytes)
        bytes += " - - [".utf8
        bytes += time(entry.time.tv_sec).utf8
        bytes += "] \"".utf8
        Self.append(word: entry.method, to: &bytes)
        if let path = entry.path {
            bytes.append(UInt8(ascii: " "))
            Self.append(path: path, to: &bytes)
            bytes += " HTTP/1.1".utf8
        }
        bytes += "\" \(entry.status) \(entry.bytes) \"".utf8
        Self.append(quoted: entry.referrer, to: &bytes)
        bytes += "\" \"".utf8
        Self.append(quoted: entry.userAgent, to: &bytes)
        bytes += "\" \(entry.duration.wholeMicroseconds) ".utf8
        Self.append(word: entry.id, to: &bytes)
        bytes += " \(entry.function?.rawValue ?? "-") \(entry.transport.rawValue) \(entry.ending.rawValue) ".utf8
        bytes += (entry.code ?? "-").utf8
    }

    private static func json(_ entry: AccessLogEntry) -> String {
        var json = JSONText()
        let milliseconds = Int(entry.time.tv_nsec) / 1_000_000
        json.member("time", UTCTime(secondsSince1970: entry.time.tv_sec, millisecond: milliseconds).iso8601)
        func member(_ name: String, _ value: String?) { if let value { json.member(name, value) } }
        member("client", entry.client)
        member("method", entry.method)
        member("path", entry.path)
        json.member("status", entry.status)
        json.member("bytes", entry.bytes)
        json.member("duration_us", entry.duration.wholeMicroseconds)
        member("request_id", entry.id)
        member("function", entry.function?.rawValue)
        json.member("transport", entry.transport.rawValue)
        json.member("ending", entry.ending.rawValue)
        member("code", entry.code)
        member("referrer", entry.referrer)
        member("user_agent", entry.userAgent)
        return json.object
    }

    /// `14/Mar/2026:09:26:53 +0000`
    private mutating func time(_ seconds: Int) -> String {
        if seconds != second.number { second = (seconds, UTCTime(secondsSince1970: seconds).commonLog) }
        return second.text
    }

    // MARK: What comes from outside

    // Controls, quotes and all that is not ASCII are escaped, so that a line stays one line and a field one field, in
    // any program and any terminal.

    private static func append(quoted text: String?, to bytes: inout [UInt8]) {
        for byte in (text ?? "-").utf8 {
            switch byte {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"), 0..<0x20, 0x7F...: bytes += "\\x\([byte].hex)".utf8
            default: bytes.append(byte)
            }
        }
    }

    /// The same, without spaces either.
    private static func append(word text: String?, to bytes: inout [UInt8]) {
        append(quoted: text.map { $0.isEmpty ? "-" : $0.replacing(" ", with: "_") }, to: &bytes)
    }

    /// As the caller could have written it (RFC 3986 §3.3).
    private static func append(path: String, to bytes: inout [UInt8]) {
        for byte in path.utf8 {
            switch byte {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "%"), UInt8(ascii: "?"), UInt8(ascii: "#"),
                0...0x20, 0x7F...:
                bytes += "%\([byte].hex.uppercased())".utf8
            default: bytes.append(byte)
            }
        }
    }
}

extension Duration {
    var wholeMicroseconds: Int {
        let (seconds, attoseconds) = components
        return Int(seconds) * 1_000_000 + Int(attoseconds / 1_000_000_000_000)
    }
}
