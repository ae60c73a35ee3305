/// Takes bytes as they arrive, in pieces of any size, and gives whole records.
///
/// Holds what was last appended and at most one record less a byte (66 kB) besides.
public struct RecordDecoder: Sendable {
    private var buffer: [UInt8] = []
    private var start = 0

    public init() {}

    /// Whether part of a record is waiting for the rest of it.
    public var isInsideRecord: Bool { start < buffer.count }

    public mutating func append(_ bytes: [UInt8]) {
        if start == buffer.count {
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
        var word: UInt64 = 0
        for byte in buffer[start..<start + RecordHeader.length] { word = word << 8 | UInt64(byte) }
        let header = try RecordHeader(bigEndian: word)
        let contentStart = start + RecordHeader.length
        let contentEnd = contentStart + Int(header.contentLength)
        let end = contentEnd + Int(header.paddingLength)
        guard buffer.count >= end else { return nil }
        start = end
        return Record(header.type, id: header.id, content: buffer[contentStart..<contentEnd])
    }
}
