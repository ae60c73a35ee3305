import FunctionChannel
import FunctionCore
import FunctionService
import Logging
import NIOCore
import Synchronization

/// A server on free ports and private sockets, for as long as a test's body runs.
struct TestServer: Sendable {
    let server: Server
    let addresses: [BoundAddress]

    /// The address over which this protocol is spoken.
    func address(_ wireProtocol: Listener.WireProtocol) throws -> SocketAddress {
        guard let address = addresses.first(where: { $0.wireProtocol == wireProtocol }) else { throw NoAddress() }
        return try address.socketAddress
    }

    struct NoAddress: Error {}
}

extension BoundAddress {
    var socketAddress: SocketAddress {
        get throws {
            if let path { return try SocketAddress(unixDomainSocketPath: path) }
            return try SocketAddress(ipAddress: host ?? "", port: port ?? 0)
        }
    }
}

/// Serves `responder` over HTTP and FastCGI on ports of 127.0.0.1 while `body` runs, and then drains the server.
func withServer<Result>(
    _ responder: any Responder, limits: ServingLimits = .init(),
    configure: (inout Server.Configuration) -> Void = { _ in }, logger: Logger = .silent,
    _ body: (TestServer) async throws -> Result
) async throws -> Result {
    var configuration = Server.Configuration(listeners: [
        Listener(.http, .tcp(host: "127.0.0.1", port: 0)), Listener(.fastCGI, .tcp(host: "127.0.0.1", port: 0)),
    ])
    configuration.limits = limits
    configuration.loops = 1
    configuration.handlesSignals = false
    configuration.drainTime = .seconds(5)
    configure(&configuration)
    let server = Server(responder: responder, configuration: configuration, logger: logger)
    let (ready, continuation) = AsyncStream.makeStream(of: [BoundAddress].self)
    let running = Task {
        defer { continuation.finish() }
        try await server.run { continuation.yield($0) }
    }
    guard let addresses = await ready.first(where: { _ in true }) else {
        try await running.value
        throw TestServer.NoAddress()
    }
    let outcome: Swift.Result<Result, any Error>
    do {
        outcome = .success(try await body(TestServer(server: server, addresses: addresses)))
    } catch {
        outcome = .failure(error)
    }
    server.triggerStop()
    try await running.value
    return try outcome.get()
}

extension Logger {
    static let silent = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
}
