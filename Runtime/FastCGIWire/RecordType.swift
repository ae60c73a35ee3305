/// The kind of a record (FastCGI 1.0 §8). Any byte can arrive, so unknown kinds have a value too.
public struct RecordType: RawRepresentable, Hashable, Sendable {
    public let rawValue: UInt8
    public init(rawValue: UInt8) { self.rawValue = rawValue }

    /// FCGI_BEGIN_REQUEST
    public static let beginRequest = RecordType(rawValue: 1)
    /// FCGI_ABORT_REQUEST
    public static let abortRequest = RecordType(rawValue: 2)
    /// FCGI_END_REQUEST
    public static let endRequest = RecordType(rawValue: 3)
    /// FCGI_PARAMS
    public static let params = RecordType(rawValue: 4)
    /// FCGI_STDIN
    public static let stdin = RecordType(rawValue: 5)
    /// FCGI_STDOUT
    public static let stdout = RecordType(rawValue: 6)
    /// FCGI_STDERR
    public static let stderr = RecordType(rawValue: 7)
    /// FCGI_DATA
    public static let data = RecordType(rawValue: 8)
    /// FCGI_GET_VALUES
    public static let getValues = RecordType(rawValue: 9)
    /// FCGI_GET_VALUES_RESULT
    public static let getValuesResult = RecordType(rawValue: 10)
    /// FCGI_UNKNOWN_TYPE
    public static let unknownType = RecordType(rawValue: 11)
}

/// How a request ended, in FCGI_END_REQUEST (§5.5).
public enum ProtocolStatus: UInt8, Sendable {
    /// FCGI_REQUEST_COMPLETE
    case requestComplete = 0
    /// FCGI_CANT_MPX_CONN
    case cantMultiplex = 1
    /// FCGI_OVERLOADED
    case overloaded = 2
    /// FCGI_UNKNOWN_ROLE
    case unknownRole = 3
}

/// The case's name; Embedded Swift would not tell it.
extension ProtocolStatus: CustomStringConvertible {
    public var description: String {
        switch self {
        case .requestComplete: "requestComplete"
        case .cantMultiplex: "cantMultiplex"
        case .overloaded: "overloaded"
        case .unknownRole: "unknownRole"
        }
    }
}

/// What a web server asks the application to be (§6).
public enum Role: UInt16, Sendable {
    /// FCGI_RESPONDER
    case responder = 1
    /// FCGI_AUTHORIZER
    case authorizer = 2
    /// FCGI_FILTER
    case filter = 3
}

/// What the other side did that the protocol forbids, or more of than we take. The connection ends; no other does.
public enum WireError: Error, Hashable, Sendable {
    /// The first byte of a record is not 1: this is not FastCGI (72 would be an `H`, from an HTTP client).
    case unsupportedVersion(UInt8)
    /// A name-value pair is longer than the stream that holds it.
    case malformedPairs
    /// The parameters of the connection's unfinished requests exceed `limit` bytes.
    case parametersTooLarge(limit: Int)
    /// FCGI_BEGIN_REQUEST without its 8 bytes, or for a request that is still open.
    case malformedBegin
    /// A record that has no place at this point of the request.
    case unexpectedRecord(RecordType)
    /// The response's header block is not one (RFC 3875 §6), or exceeds its bound.
    case malformedResponseHead
    /// The application refused the request.
    case refused(ProtocolStatus)
}
