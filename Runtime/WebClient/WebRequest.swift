import HTTPTypes

/// One outgoing HTTP request: what to send, until when to wait, and how much of an answer to take.
public struct WebRequest: Sendable {
    /// Any method but CONNECT; HEAD takes no body.
    public var method: HTTPRequest.Method

    /// Absolute, `http://` or `https://`, already percent-encoded; sent as it is, dot segments included.
    public var url: String

    /// Sent in this order. `Content-Length`, `Transfer-Encoding`, `Connection`, `Expect`, `TE`, `Trailer` and
    /// `Upgrade` are the client's own to decide, and a request that has one is refused.
    public var fields: HTTPFields

    /// Bytes to send after the fields, with their `Content-Length`; nil sends none (and `Content-Length: 0` with
    /// POST, PUT and PATCH).
    public var body: [UInt8]?

    /// When the whole exchange must be over: name lookup, connecting, sending, and the last byte of the answer.
    public var deadline: ContinuousClock.Instant

    /// The most bytes of body taken; an answer that has more, or declares more, fails with `.tooLarge`.
    public var responseLimit: Int

    public init(
        method: HTTPRequest.Method = .get, url: String, fields: HTTPFields = [:], body: [UInt8]? = nil,
        deadline: ContinuousClock.Instant, responseLimit: Int = 1_048_576
    ) {
        self.method = method
        self.url = url
        self.fields = fields
        self.body = body
        self.deadline = deadline
        self.responseLimit = responseLimit
    }
}
