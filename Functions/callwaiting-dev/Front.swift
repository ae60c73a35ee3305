import DevHost
import FunctionCore
import Logging

/// What stands before the server on a laptop as a web server does in production: HTTP on 127.0.0.1.
struct Front: Sendable {
    private let server: InProcessServer
    private let behind: LateResponder

    var url: String { server.url }

    /// - Parameter port: 0 takes any free one.
    /// - Throws: `HostError` when the port is taken.
    static func start(port: Int, logger: Logger) async throws -> Front {
        let behind = LateResponder()
        do {
            let server = try await InProcessServer.start(
                behind, port: port, drainTime: .seconds(10), logger: logger)
            return Front(server: server, behind: behind)
        } catch {
            throw HostError("port \(port) on 127.0.0.1 cannot be had (\(error)); --port chooses another, 0 any")
        }
    }

    /// Until it is called, every request is answered 503.
    func serve(_ responder: any Responder) { behind.set(responder) }

    func stop() async { await server.stop() }

    func hurry() { server.hurry() }
}
