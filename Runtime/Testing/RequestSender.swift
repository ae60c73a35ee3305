import FunctionCore
import FunctionJSON
import HTTPTypes

/// Sends a request, wherever the application is: in this process, or behind a socket. A scenario written against it runs
/// over every host.
public protocol RequestSender: Sendable {
    func send(_ request: TestRequest) async throws -> TestResponse
}

extension RequestSender {
    public func get(_ target: String, fields: HTTPFields = [:]) async throws -> TestResponse {
        try await send(TestRequest(.get, target, fields: fields))
    }

    /// Sends JSON text with its `Content-Type`.
    public func post(_ target: String, json: String, fields: HTTPFields = [:]) async throws -> TestResponse {
        var fields = fields
        fields[.contentType] = "application/json"
        return try await send(TestRequest(.post, target, fields: fields, body: Array(json.utf8)))
    }
}

/// A request as a caller writes it.
public struct TestRequest: Sendable {
    public var method: HTTPRequest.Method
    /// Path and query, percent-encoded.
    public var target: String
    public var fields: HTTPFields
    public var body: [UInt8]

    public init(_ method: HTTPRequest.Method, _ target: String, fields: HTTPFields = [:], body: [UInt8] = []) {
        self.method = method
        self.target = target
        self.fields = fields
        self.body = body
    }
}

/// A response as a caller reads it.
public struct TestResponse: Sendable {
    public var status: HTTPResponse.Status
    public var fields: HTTPFields
    public var body: [UInt8]

    public init(status: HTTPResponse.Status, fields: HTTPFields, body: [UInt8]) {
        self.status = status
        self.fields = fields
        self.body = body
    }

    public var text: String { String(decoding: body, as: UTF8.self) }

    /// The body as JSON of any kind.
    ///
    /// - Throws: ``Problem`` `malformed_json`.
    public var json: JSONValue {
        get throws { try JSONValue(parsing: body) }
    }

    /// The body as a `T`.
    public func decode<T: Decodable>(_ type: T.Type) throws -> T { try JSON.decode(type, from: body) }

    /// A problem's code; nil when the body is no problem.
    public var problemCode: String? {
        guard fields[.contentType] == "application/problem+json" else { return nil }
        return try? json["code"]?.text
    }
}
