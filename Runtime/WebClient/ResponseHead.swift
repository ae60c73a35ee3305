import HTTPTypes

/// Status and fields, put together from the lines that libcurl hands over one at a time. A 1xx head is forgotten when
/// the next begins; lines after the final head are trailers, counted and dropped.
struct ResponseHead {
    enum Failure: Error, Equatable { case tooLarge, malformed }

    private(set) var status: HTTPResponse.Status?
    private(set) var fields = HTTPFields()
    /// The final head has ended; what follows is body.
    private(set) var isComplete = false
    /// Bytes that may still come.
    private var allowance: Int

    /// - Parameter limit: bytes taken, of all heads and trailers together.
    init(limit: Int) { allowance = limit }

    /// Takes one line with its line end, as CURLOPT_HEADERFUNCTION gives it.
    /// - Returns: whether this line ended the final head.
    mutating func take(_ line: UnsafeRawBufferPointer) throws(Failure) -> Bool {
        allowance -= line.count
        guard allowance >= 0 else { throw .tooLarge }
        guard !isComplete else { return false }
        let text = line[...].trimmingSpace()
        if text.isEmpty {
            guard let status else { throw .malformed }
            isComplete = status.code >= 200
            return isComplete
        }
        if line.starts(with: "HTTP/".utf8) {
            status = try Self.status(text)
            fields = [:]
        } else {
            try add(text, isFolded: line[0] == UInt8(ascii: " ") || line[0] == UInt8(ascii: "\t"))
        }
        return false
    }

    /// The body's length by `Content-Length`; nil when the head does not say, and the length is then counted.
    var declaredLength: Int? { fields[.contentLength].flatMap { Int($0) } }

    /// RFC 9112 §4, `HTTP/1.1 200 OK`; HTTP/2 has no reason, and libcurl writes `HTTP/2 200 `.
    private static func status(_ text: Slice<UnsafeRawBufferPointer>) throws(Failure) -> HTTPResponse.Status {
        let parts = text.split(separator: UInt8(ascii: " "), maxSplits: 2, omittingEmptySubsequences: true)
        guard parts.count >= 2, parts[1].count == 3, let code = Int(String(decoding: parts[1], as: UTF8.self)),
            (100...999).contains(code)
        else { throw .malformed }
        return .init(code: code, reasonPhrase: parts.count > 2 ? String(decoding: parts[2], as: UTF8.self) : "")
    }

    private mutating func add(_ text: Slice<UnsafeRawBufferPointer>, isFolded: Bool) throws(Failure) {
        if isFolded {
            // RFC 9112 §5.2: a folded line continues the value before it, after one space.
            guard !fields.isEmpty else { throw .malformed }
            fields[fields.count - 1].value += " " + String(decoding: text, as: UTF8.self)
            return
        }
        guard let colon = text.firstIndex(of: UInt8(ascii: ":")),
            let name = HTTPField.Name(String(decoding: text[..<colon], as: UTF8.self))
        else { throw .malformed }
        fields.append(HTTPField(name: name, value: text[(colon + 1)...].trimmingSpace()))
    }
}

extension Slice<UnsafeRawBufferPointer> {
    /// Without spaces, tabs, CR and LF at either end.
    fileprivate func trimmingSpace() -> Self {
        func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 || byte == 0x0D || byte == 0x0A }
        var rest = drop(while: isSpace)
        while let last = rest.last, isSpace(last) { rest.removeLast() }
        return rest
    }
}
