import DevHost
import FastCGI
import Logging
import NIOCore

/// What stands before the server on a laptop as a web server does in production: HTTP on 127.0.0.1, FastCGI behind.
struct Front: Sendable {
    private let server: InProcessServer
    private let client: FastCGIClient

    var url: String { server.url }

    /// - Parameters:
    ///   - port: 0 takes any free one.
    ///   - socket: where the server listens, or will.
    /// - Throws: `HostError` when the port is taken.
    static func start(port: Int, socket: String, logger: Logger) async throws -> Front {
        let client = FastCGIClient(to: try SocketAddress(unixDomainSocketPath: socket))
        var configuration = FastCGIProxy.Configuration()
        configuration.serverName = "127.0.0.1"
        if port > 0 { configuration.serverPort = port }
        do {
            let proxy = FastCGIProxy(client, configuration: configuration, logger: logger)
            let server = try await InProcessServer.start(
                ReturnPage(others: proxy), port: port, drainTime: .seconds(10), logger: logger)
            return Front(server: server, client: client)
        } catch {
            throw HostError("port \(port) on 127.0.0.1 cannot be had (\(error)); --port chooses another, 0 any")
        }
    }

    func stop() async {
        await server.stop()
        client.shutdown()
    }

    func hurry() { server.hurry() }
}
