/// The web server's side of one request on a connection: what to send for it, and what comes back.
///
/// Feed ``receive(_:)`` and take ``next()`` until it gives nil.
public struct ResponseReader: Sendable {
    public enum Part: Hashable, Sendable {
        /// The CGI header block (RFC 3875 §6): the status, 200 when none is said, and the other fields in order.
        case head(status: Int, fields: [NameValuePair])
        /// Some of the body; never empty.
        case body(ArraySlice<UInt8>)
        /// FCGI_STDERR: for the log, never for the caller.
        case errorText(ArraySlice<UInt8>)
        /// The request is over and the connection free for another.
        case end(appStatus: UInt32)
    }

    /// Longest header block taken, in bytes.
    public static let longestHead = 64 * 1_024

    private enum State {
        case head([UInt8])
        case body
        case ended
    }

    private let id: UInt16
    private var decoder = RecordDecoder()
    private var state = State.head([])
    private var following: Part?

    public init(id: UInt16 = 1) { self.id = id }

    /// A whole request with its body, as records.
    public static func request(
        id: UInt16 = 1, _ parameters: [NameValuePair], body: [UInt8] = [], keepConnection: Bool
    ) -> [UInt8] {
        Record.begin(id: id, keepConnection: keepConnection).bytes
            + Record.stream(.params, id: id, NameValuePair.encode(parameters)[...]) + Record(.params, id: id).bytes
            + Record.stream(.stdin, id: id, body[...]) + Record(.stdin, id: id).bytes
    }

    public mutating func receive(_ bytes: [UInt8]) { decoder.append(bytes) }

    /// The next part; nil until more bytes come, and for ever after ``Part/end(appStatus:)``.
    ///
    /// - Throws: ``WireError``; the connection is of no use after it.
    public mutating func next() throws(WireError) -> Part? {
        if let part = following.take() { return part }
        while let record = try decoder.next() {
            if case .ended = state { throw .unexpectedRecord(record.type) }
            guard record.id == id else { continue }
            switch record.type {
            case .stdout where record.content.isEmpty: continue
            case .stdout:
                if let part = try take(record.content) { return part }
            case .stderr where !record.content.isEmpty: return .errorText(record.content)
            case .stderr: continue
            case .endRequest: return try end(record)
            default: throw .unexpectedRecord(record.type)
            }
        }
        return nil
    }

    private mutating func end(_ record: Record) throws(WireError) -> Part {
        let content = Array(record.content)
        guard content.count >= 8, let status = ProtocolStatus(rawValue: content[4]) else {
            throw .unexpectedRecord(.endRequest)
        }
        guard status == .requestComplete else { throw .refused(status) }
        guard case .body = state else { throw .malformedResponseHead }
        state = .ended
        return .end(appStatus: content[..<4].reduce(0) { $0 << 8 | UInt32($1) })
    }

    private mutating func take(_ bytes: ArraySlice<UInt8>) throws(WireError) -> Part? {
        guard case .head(var held) = state else { return .body(bytes) }
        // The blank line may straddle two records: look again at what could be its beginning.
        let from = max(0, held.count - 3)
        held += bytes
        guard let end = Self.endOfHead(held, from: from) else {
            guard held.count <= Self.longestHead else { throw .malformedResponseHead }
            state = .head(held)
            return nil
        }
        state = .body
        if end.body < held.count { following = .body(held[end.body...]) }
        return try Self.head(held[..<end.head])
    }

    /// Where the last field's line ends and where the body begins, after CRLF CRLF or LF LF.
    private static func endOfHead(_ bytes: [UInt8], from start: Int) -> (head: Int, body: Int)? {
        let newline = UInt8(ascii: "\n")
        var index = start
        while let found = bytes[index...].firstIndex(of: newline) {
            if bytes[(found + 1)...].first == newline { return (found, found + 2) }
            if bytes[(found + 1)...].starts(with: "\r\n".utf8) { return (found, found + 3) }
            index = found + 1
        }
        return nil
    }

    private static func head(_ bytes: ArraySlice<UInt8>) throws(WireError) -> Part {
        var status = 200
        var fields: [NameValuePair] = []
        for line in bytes.split(separator: UInt8(ascii: "\n")) {
            guard let colon = line.firstIndex(of: UInt8(ascii: ":")) else { throw .malformedResponseHead }
            let name = String(decoding: line[..<colon], as: UTF8.self)
            let value = String(decoding: line[(colon + 1)...].trimmed, as: UTF8.self)
            if name.lowercased() == "status" {
                guard let code = Int(value.prefix(3)), (100...999).contains(code) else { throw .malformedResponseHead }
                status = code
            } else {
                fields.append(NameValuePair(name, value))
            }
        }
        return .head(status: status, fields: fields)
    }
}

extension ArraySlice<UInt8> {
    /// Without spaces, tabs and carriage returns at either end.
    fileprivate var trimmed: ArraySlice<UInt8> {
        let isBlank: (UInt8) -> Bool = {
            $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "\t") || $0 == UInt8(ascii: "\r")
        }
        guard let first = firstIndex(where: { !isBlank($0) }), let last = lastIndex(where: { !isBlank($0) }) else {
            return []
        }
        return self[first...last]
    }
}
