import FunctionChannel
import FunctionCore
import Logging

/// Serves the status page on a socket of its own, with an event loop of its own: it answers while the server is
/// overloaded, stuck or draining.
public struct AdminServer: Sendable {
    private let server: Server
    private let endpoint: Listener.Endpoint
    private let logger: Logger

    /// - Parameter endpoint: where to serve; see ``Listener/Endpoint/init(private:)``.
    public init(_ page: StatusPage, on endpoint: Listener.Endpoint, logger: Logger) {
        var configuration = Server.Configuration(listeners: [Listener(.http, endpoint)])
        configuration.loops = 1
        configuration.connections = 64
        configuration.limits.concurrentRequests = 16
        configuration.handlesSignals = false
        configuration.drainTime = .seconds(1)
        configuration.cancelTime = .seconds(1)
        var quiet = logger
        // A request every few seconds for ever, none of them worth a line.
        quiet.logLevel = max(logger.logLevel, .warning)
        let application = Application(
            [page], authenticator: Nobody(), configuration: .init(publicURL: "", deadline: .seconds(10)), logger: quiet)
        server = Server(responder: application, configuration: configuration, logger: quiet)
        self.endpoint = endpoint
        self.logger = logger
    }

    /// Serves for as long as `body` runs, which begins when the page can be asked for.
    ///
    /// - Throws: ``ServerError``, or NIO's error, when the socket cannot be had; `body` does not run then. What `body`
    ///   throws.
    public func run<Result: Sendable>(during body: () async throws -> Result) async throws -> Result {
        let (ready, continuation) = AsyncStream.makeStream(of: BoundAddress.self)
        let running = Task {
            defer { continuation.finish() }
            try await server.run { continuation.yield($0[0]) }
        }
        guard let address = await ready.first(where: { _ in true }) else {
            try await running.value
            throw CancellationError()
        }
        logger.info("status page", metadata: ["address": "\(address)"])
        let result: Swift.Result<Result, any Error>
        do { result = .success(try await body()) } catch { result = .failure(error) }
        server.triggerStop()
        try await running.value
        return try result.get()
    }
}

extension StatusPage {
    /// Serves this page for as long as `body` runs; only runs `body` where there is no place for a page.
    public func serve<Result: Sendable>(
        on endpoint: Listener.Endpoint?, logger: Logger, during body: () async throws -> Result
    ) async throws -> Result {
        guard let endpoint else { return try await body() }
        return try await AdminServer(self, on: endpoint, logger: logger).run(during: body)
    }
}

/// The page is for whoever can open the socket.
private struct Nobody: Authenticator {
    func caller(of request: Request, rule: CallerRule, in context: Context) async throws -> any Sendable {
        throw Problem(.internal)
    }
}
