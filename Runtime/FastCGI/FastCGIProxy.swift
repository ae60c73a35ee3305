import FunctionCore
import Logging

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

    private let client: @Sendable () -> FastCGIClient
    private let configuration: Configuration
    private let logger: Logger

    public init(_ client: FastCGIClient, configuration: Configuration = .init(), logger: Logger) {
        self.init(through: { client }, configuration: configuration, logger: logger)
    }

    /// - Parameter client: asked for each request when its body is there, so that the application may change.
    public init(
        through client: @escaping @Sendable () -> FastCGIClient, configuration: Configuration = .init(), logger: Logger
    ) {
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
            return try await client().send(
                head.gatewayVariables(
                    serverName: configuration.serverName, serverPort: configuration.serverPort,
                    bodyLength: body.count), body: body)
        } catch is CancellationError {
            return refuse(Problem(.clientClosedRequest))
        } catch {
            logger.warning("the application did not answer", metadata: ["error": "\(error)"])
            return refuse(Problem(.applicationUnavailable))
        }
    }
}

extension Problem.Kind {
    /// The application behind a gateway is not there, refused, or hung up.
    public static let applicationUnavailable = Self(
        "application_unavailable", .badGateway, "The application did not answer")
}
