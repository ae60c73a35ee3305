import FastCGIWire
import FunctionCore
import HTTPTypes
import Logging
import NIOCore

/// Forwards every request to a FastCGI application, as a web server would. In front of it goes the HTTP host.
public struct FastCGIProxy: Responder {
    public struct Configuration: Sendable {
        /// What `SERVER_NAME` and `SERVER_PORT` say.
        public var serverName = "localhost"
        public var serverPort = 80
        /// Largest body forwarded, in bytes; the application has its own limits below it.
        public var bodyLimit = 1_048_576
        /// Longer than the application's own, so that its answer about that arrives.
        public var deadline = Duration.seconds(60)

        public init() {}
    }

    private let client: FastCGIClient
    private let configuration: Configuration
    private let logger: Logger

    public init(_ client: FastCGIClient, configuration: Configuration = .init(), logger: Logger) {
        self.client = client
        self.configuration = configuration
        self.logger = logger
    }

    public func accept(_ head: RequestHead) -> Acceptance {
        .exchange(
            Exchange(
                bodyLimit: configuration.bodyLimit, deadline: .now + configuration.deadline,
                answer: { body in await forward(head, body) }, refusal: refuse))
    }

    public func refuse(_ problem: Problem) -> Response { problem.response(instance: RequestID()) }

    private func forward(_ head: RequestHead, _ body: [UInt8]) async -> Response {
        do {
            return try await client.send(parameters(head, bodyLength: body.count), body: body)
        } catch is CancellationError {
            return refuse(Problem(.clientClosedRequest))
        } catch {
            logger.warning("the application did not answer", metadata: ["error": "\(error)"])
            return refuse(Problem(.applicationUnavailable))
        }
    }

    /// The meta-variables of RFC 3875 §4.1, and REQUEST_URI as every web server sends it.
    private func parameters(_ head: RequestHead, bodyLength: Int) -> [NameValuePair] {
        let path = head.target.segments.map { PercentEncoding.encode($0) }.joined(separator: "/")
        let query = head.target.query.raw
        var parameters = [
            NameValuePair("GATEWAY_INTERFACE", "CGI/1.1"), NameValuePair("SERVER_SOFTWARE", "callwaiting"),
            NameValuePair("SERVER_PROTOCOL", "HTTP/1.1"), NameValuePair("REQUEST_SCHEME", "http"),
            NameValuePair("SERVER_NAME", configuration.serverName),
            NameValuePair("SERVER_PORT", String(configuration.serverPort)),
            NameValuePair("REQUEST_METHOD", head.method.rawValue),
            NameValuePair("REQUEST_URI", "/\(path)\(query.isEmpty ? "" : "?\(query)")"),
            NameValuePair("SCRIPT_NAME", head.target.path), NameValuePair("QUERY_STRING", query),
            NameValuePair("REMOTE_ADDR", head.clientAddress ?? ""),
        ]
        if bodyLength > 0 || head.fields[.contentLength] != nil {
            parameters.append(NameValuePair("CONTENT_LENGTH", String(bodyLength)))
        }
        if let type = head.fields[.contentType] { parameters.append(NameValuePair("CONTENT_TYPE", type)) }
        var seen: Set<HTTPField.Name> = Self.notForwarded
        // `X_Key` and `X-Key` would become the same variable, and only one of them can be what a function checks.
        for field in head.fields where !field.name.rawName.utf8.contains(UInt8(ascii: "_")) {
            guard seen.insert(field.name).inserted, let value = head.fields[field.name] else { continue }
            parameters.append(NameValuePair(Self.variable(field.name), value))
        }
        return parameters
    }

    /// What belongs to the connection, has a variable of its own, or must never be one (httpoxy).
    private static let notForwarded: Set<HTTPField.Name> = [
        .connection, .contentLength, .contentType, .expect, .proxy, .te, .trailer, .transferEncoding, .upgrade,
        HTTPField.Name("Keep-Alive")!,
    ]

    private static func variable(_ name: HTTPField.Name) -> String {
        let letters = name.canonicalName.utf8.map { byte in
            switch byte {
            case UInt8(ascii: "-"): UInt8(ascii: "_")
            case UInt8(ascii: "a")...UInt8(ascii: "z"): byte - 32
            default: byte
            }
        }
        return "HTTP_" + String(decoding: letters, as: UTF8.self)
    }
}

extension Problem.Kind {
    /// The application behind a FastCGI proxy is not there, refused, or hung up.
    static let applicationUnavailable = Self(
        "application_unavailable", .badGateway, "The application did not answer")
}
