import FunctionCore
import HTTPTypes

/// What a ``JSONFunction`` answers: a status, extra header fields, and the output that becomes the body.
public struct Reply<Output: Encodable & Sendable>: Sendable {
    public var status: HTTPResponse.Status
    public var output: Output
    /// Sent beside `Content-Type`.
    public var fields: HTTPFields

    public init(_ output: Output, status: HTTPResponse.Status = .ok, fields: HTTPFields = [:]) {
        self.status = status
        self.output = output
        self.fields = fields
    }

    /// 200.
    public static func ok(_ output: Output, fields: HTTPFields = [:]) -> Self { Self(output, fields: fields) }

    /// 201: something now exists that did not before.
    public static func created(_ output: Output, fields: HTTPFields = [:]) -> Self {
        Self(output, status: .created, fields: fields)
    }

    /// Every declared member is in the body, in declared order; nil is `null`.
    ///
    /// - Throws: `EncodingError` for what JSON cannot say, such as an infinite number.
    func response() throws -> Response {
        var fields = fields
        fields[.contentType] = "application/json"
        return Response(status: status, fields: fields, body: .bytes(try JSON.encode(output, nil: .null)))
    }
}
