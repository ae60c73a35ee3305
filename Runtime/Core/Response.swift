import HTTPTypes

/// What a function answers: a status, header fields and a body.
public struct Response: Sendable {
    public var status: HTTPResponse.Status
    /// Framing (`Content-Length`, `Transfer-Encoding`, `Connection`) is the host's; what is set here of it is replaced.
    /// Without what the application adds: see ``allFields``.
    public var fields: HTTPFields
    /// What the application adds to them, when it has.
    public internal(set) var common: CommonFields?
    public var body: Body
    /// The problem that it tells of, with its cause: for logs, never sent.
    public var problem: Problem? {
        get { boxedProblem as? Problem }
        set { boxedProblem = newValue }
    }
    /// One word where there is no problem, so that responses stay cheap to pass on.
    private var boxedProblem: (any Error)?

    public init(status: HTTPResponse.Status, fields: HTTPFields = [:], body: Body = .empty) {
        self.status = status
        self.fields = fields
        self.body = body
    }

    public enum Body: Sendable {
        case empty
        case bytes([UInt8])
        /// Produced while it is sent. `length`, in bytes, is declared when it is known, and must then be kept. The
        /// producer throws to break the transfer off, which the peer sees as a truncated body. Kept apart, so that responses
        /// stay cheap to pass on.
        indirect case stream(length: Int?, produce: @Sendable (any BodyWriter) async throws -> Void)

        /// Bytes to come; nil when only the producer will know.
        public var length: Int? {
            switch self {
            case .empty: 0
            case .bytes(let bytes): bytes.count
            case .stream(let length, _): length
            }
        }
    }

    /// A response of text in one piece.
    public static func text(
        _ text: String, status: HTTPResponse.Status = .ok, type: String = "text/plain; charset=utf-8"
    ) -> Response {
        Response(status: status, fields: [.contentType: type], body: .bytes(Array(text.utf8)))
    }

    /// The function's and the application's, as a caller sees them; for tests.
    public var allFields: HTTPFields {
        var all = fields
        for field in common?.all ?? [] { all.append(field) }
        return all
    }

    /// Whether HTTP gives a response of this status a body at all (RFC 9110 §6.4.1).
    public var statusAllowsBody: Bool {
        !(status.kind == .informational || status == .noContent || status == .notModified)
    }
}

/// Where a streamed body goes. A write returns when the peer can take more, so a slow peer slows the producer.
public protocol BodyWriter: Sendable {
    /// - Throws: `CancellationError` when the peer has gone.
    func write(_ bytes: [UInt8]) async throws
}
