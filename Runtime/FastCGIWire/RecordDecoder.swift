/// Takes bytes as they arrive, in pieces of any size, and gives whole records.
///
/// Holds what was last appended and at most one record less a byte (66 kB) besides.
public struct RecordDecoder: Sendable {
    private var buffer: [UInt8] = []
    private var start = 0

    public init() {}

    /// Whether part of a record is waiting for the rest of it.
    public var isInsideRecord: Bool { !buffer.isEmpty }

    /// Bytes that have not become a record yet.
    var heldBytes: Int { buffer.count - start }

    public mutating func append(_ bytes: [UInt8]) {
        if buffer.isEmpty {
            buffer = bytes
        } else {
            if start > 0 { buffer.removeSubrange(..<start) }
            buffer += bytes
        }
        start = 0
    }

    /// The next record, or nil until more bytes come.
    ///
    /// - Throws: ``WireError/unsupportedVersion(_:)``. Nothing more can be read after that.
    public mutating func next() throws(WireError) -> Record? {
        guard buffer.count - start >= RecordHeader.length else { return nil }
        let word = buffer.withUnsafeBytes { $0.loadUnaligned(fromByteOffset: start, as: UInt64.self) }
        let header = try RecordHeader(bigEndian: UInt64(bigEndian: word))
        let contentStart = start + RecordHeader.length
        let contentEnd = contentStart + Int(header.contentLength)
        let end = contentEnd + Int(header.paddingLength)
        guard buffer.count >= end else { return nil }
        let record = Record(header.type, id: header.id, content: buffer[contentStart..<contentEnd])
        // A connection may wait long for its next bytes, and thousands of them do.
        if end == buffer.count {
            buffer = []
            start = 0
        } else {
            start = end
        }
        return record
    }
}
