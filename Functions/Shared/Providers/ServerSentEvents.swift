/// Takes `text/event-stream` apart (WHATWG HTML §9.2.6), however its bytes are cut up.
///
/// Only `data` is of interest: fields of other names and comments are skipped.
struct ServerSentEvents {
    /// The longest event taken, in bytes; speech comes in lines of hundreds of kilobytes.
    private let limit: Int
    private var line: [UInt8] = []
    /// Bytes of `data` of the event that has not ended yet.
    private var data: [UInt8]?
    private var lastWasReturn = false

    init(limit: Int = 4 * 1_024 * 1_024) { self.limit = limit }

    /// - Returns: the data of each event that ended in `bytes`.
    /// - Throws: ``EventTooLarge``.
    mutating func append(_ bytes: some Sequence<UInt8>) throws(EventTooLarge) -> [[UInt8]] {
        var events: [[UInt8]] = []
        for byte in bytes {
            // A line ends with CR, LF, or both; the LF of a CRLF may come much later than its CR.
            let isSecondHalf = lastWasReturn && byte == UInt8(ascii: "\n")
            lastWasReturn = byte == UInt8(ascii: "\r")
            if isSecondHalf { continue }
            guard byte == UInt8(ascii: "\n") || byte == UInt8(ascii: "\r") else {
                guard line.count + (data?.count ?? 0) < limit else { throw EventTooLarge() }
                line.append(byte)
                continue
            }
            if let event = endLine() { events.append(event) }
        }
        return events
    }

    /// The data of an event that the stream's end left without its blank line. The standard drops it; servers that close
    /// in a hurry mean it.
    mutating func finish() -> [UInt8]? {
        if !line.isEmpty { _ = endLine() }
        defer { data = nil }
        return data
    }

    private mutating func endLine() -> [UInt8]? {
        defer { line.removeAll(keepingCapacity: true) }
        if line.isEmpty {
            defer { data = nil }
            return data
        }
        guard line.starts(with: Array("data".utf8)) else { return nil }
        var value = line.dropFirst(4)
        guard value.isEmpty || value.first == UInt8(ascii: ":") else { return nil }
        value = value.dropFirst()
        if value.first == UInt8(ascii: " ") { value = value.dropFirst() }
        data = data.map { $0 + [UInt8(ascii: "\n")] + value } ?? Array(value)
        return nil
    }
}

/// One event is longer than the limit.
struct EventTooLarge: Error {}
