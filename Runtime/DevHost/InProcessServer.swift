import FunctionCore
import FunctionService
import Logging

/// A server inside the development host's own process: the front, and the stand-ins for other people's servers.
public final class InProcessServer: Sendable {
    /// `http://127.0.0.1:3000`.
    public let url: String
    private let server: Server
    private let task: Task<Void, any Error>

    private init(url: String, server: Server, task: Task<Void, any Error>) {
        self.url = url
        self.server = server
        self.task = task
    }

    /// Listens on 127.0.0.1, and returns once it accepts connections.
    ///
    /// - Parameters:
    ///   - port: 0 takes any free one.
    ///   - drainTime: what requests in flight get when it is stopped.
    /// - Throws: `ServerError`, or NIO's error, when the port cannot be had.
    public static func start(
        _ responder: any Responder, port: Int, drainTime: Duration, logger: Logger
    ) async throws -> InProcessServer {
        var configuration = Server.Configuration(listeners: [Listener(.http, .tcp(host: "127.0.0.1", port: port))])
        configuration.handlesSignals = false
        configuration.loops = 1
        configuration.drainTime = drainTime
        configuration.cancelTime = .seconds(1)
        let server = Server(responder: responder, configuration: configuration, logger: logger)
        let (addresses, continuation) = AsyncStream.makeStream(of: Int.self)
        let task = Task {
            defer { continuation.finish() }
            try await server.run { addresses in
                if let port = addresses.first?.port { continuation.yield(port) }
            }
        }
        guard let port = await addresses.first(where: { _ in true }) else {
            try await task.value
            throw CancellationError()
        }
        return InProcessServer(url: "http://127.0.0.1:\(port)", server: server, task: task)
    }

    /// Takes no more connections, lets requests in flight end, and returns when everything is closed. A failure to
    /// close a socket has no consequence here: the process ends next.
    public func stop() async {
        server.triggerStop()
        _ = await task.result
    }

    /// Makes ``stop()`` stop waiting.
    public func hurry() {
        server.triggerStop()
        server.triggerStop()
    }
}
