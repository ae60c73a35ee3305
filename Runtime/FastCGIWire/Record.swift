/// The eight bytes before a record's content (FastCGI 1.0 §3.3), all numbers big-endian:
/// version, type, request id (2), content length (2), padding length, reserved.
public struct RecordHeader: Hashable, Sendable {
    /// FCGI_HEADER_LEN, in bytes.
    public static let length = 8
    /// FCGI_VERSION_1
    public static let version: UInt8 = 1

    public var type: RecordType
    /// 0 is the connection itself (FCGI_NULL_REQUEST_ID); every other value is one request.
    public var id: UInt16
    public var contentLength: UInt16
    public var paddingLength: UInt8

    public init(type: RecordType, id: UInt16, contentLength: UInt16) {
        self.type = type
        self.id = id
        self.contentLength = contentLength
        paddingLength = UInt8((8 - contentLength % 8) % 8)
    }

    /// Reads a header as one big-endian number.
    ///
    /// - Throws: ``WireError/unsupportedVersion(_:)``.
    public init(bigEndian word: UInt64) throws(WireError) {
        guard UInt8(truncatingIfNeeded: word >> 56) == Self.version else {
            throw .unsupportedVersion(UInt8(truncatingIfNeeded: word >> 56))
        }
        type = RecordType(rawValue: UInt8(truncatingIfNeeded: word >> 48))
        id = UInt16(truncatingIfNeeded: word >> 32)
        contentLength = UInt16(truncatingIfNeeded: word >> 16)
        paddingLength = UInt8(truncatingIfNeeded: word >> 8)
    }

    /// The header as one number; its big-endian bytes are what is sent.
    public var word: UInt64 {
        UInt64(Self.version) << 56 | UInt64(type.rawValue) << 48 | UInt64(id) << 32 | UInt64(contentLength) << 16
            | UInt64(paddingLength) << 8
    }
}

/// One record: its type, whose it is, and its content without padding.
public struct Record: Hashable, Sendable {
    /// Longest content that we send in one record: below 65,535 so that records stay aligned to eight bytes.
    public static let longestContent = 65_528

    public var type: RecordType
    public var id: UInt16
    /// At most 65,535 bytes.
    public var content: ArraySlice<UInt8>

    public init(_ type: RecordType, id: UInt16, content: ArraySlice<UInt8>) {
        self.type = type
        self.id = id
        self.content = content
    }

    public init(_ type: RecordType, id: UInt16, _ content: [UInt8] = []) {
        self.init(type, id: id, content: content[...])
    }

    /// The record as sent, padded with zeros to a multiple of eight bytes.
    public var bytes: [UInt8] {
        var bytes: [UInt8] = []
        append(to: &bytes)
        return bytes
    }

    /// Appends the record as sent.
    ///
    /// - Precondition: the content is at most 65,535 bytes.
    public func append(to bytes: inout [UInt8]) {
        let header = RecordHeader(type: type, id: id, contentLength: UInt16(content.count))
        bytes.reserveCapacity(bytes.count + RecordHeader.length + content.count + Int(header.paddingLength))
        bytes.append(bigEndian: header.word)
        bytes += content
        bytes.append(contentsOf: repeatElement(0, count: Int(header.paddingLength)))
    }

    /// A stream's bytes as records. Nothing for no bytes: an empty record would end the stream (§3.3).
    public static func stream(_ type: RecordType, id: UInt16, _ bytes: ArraySlice<UInt8>) -> [UInt8] {
        var records: [UInt8] = []
        var rest = bytes
        while !rest.isEmpty {
            Record(type, id: id, content: rest.prefix(longestContent)).append(to: &records)
            rest = rest.dropFirst(longestContent)
        }
        return records
    }

    /// FCGI_BEGIN_REQUEST (§5.1).
    public static func begin(id: UInt16, role: Role = .responder, keepConnection: Bool) -> Record {
        let role = role.rawValue
        return Record(
            .beginRequest, id: id, [UInt8(role >> 8), UInt8(role & 255), keepConnection ? 1 : 0, 0, 0, 0, 0, 0])
    }

    /// FCGI_END_REQUEST (§5.5).
    public static func end(id: UInt16, appStatus: UInt32 = 0, _ status: ProtocolStatus = .requestComplete) -> Record {
        var content: [UInt8] = []
        content.append(bigEndian: UInt64(appStatus) << 32 | UInt64(status.rawValue) << 24)
        return Record(.endRequest, id: id, content)
    }
}

extension [UInt8] {
    mutating func append(bigEndian word: UInt64) {
        Swift.withUnsafeBytes(of: word.bigEndian) { append(contentsOf: $0) }
    }
}
