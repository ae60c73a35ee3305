import HTTPTypes

/// A whole answer. Any status is an answer, 3xx to 5xx too: only a broken exchange throws.
public struct WebResponse: Sendable {
    public var status: HTTPResponse.Status

    /// In the order received; trailers are dropped.
    public var fields: HTTPFields

    /// As sent, without content decoding; empty for HEAD, 204 and 304.
    public var body: [UInt8]

    public init(status: HTTPResponse.Status, fields: HTTPFields = [:], body: [UInt8] = []) {
        self.status = status
        self.fields = fields
        self.body = body
    }
}
