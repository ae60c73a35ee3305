import ArgumentParser
import FunctionService

/// Where to listen: on what is named, else on what a supervisor passed on.
struct ListeningOptions: ParsableArguments {
    @Option(help: "Path of a Unix socket.") var socket: String?
    @Option(help: "Permissions of the Unix socket, in octal.") var socketMode = "660"
    @Option(help: "Owner of the Unix socket: USER, USER:GROUP or :GROUP.") var socketOwner: String?
    @Option(help: "HOST:PORT, an IPv6 host in brackets.") var listen: String?

    /// - Parameter fallback: where to listen when nothing is named or passed on.
    /// - Throws: `ValidationError` when that is nowhere, or what is named makes no sense; ``ServerError`` for a
    ///   descriptor passed on that is no listening socket.
    func listeners(_ wireProtocol: Listener.WireProtocol, fallback: Listener.Endpoint? = nil) throws -> [Listener] {
        var endpoints: [Listener.Endpoint] = []
        if let socket { endpoints.append(.unix(path: socket, mode: try mode(), owner: try owner())) }
        if let listen {
            guard let endpoint = Listener.Endpoint(hostAndPort: listen) else {
                throw ValidationError("\(listen) is not HOST:PORT")
            }
            endpoints.append(endpoint)
        }
        if endpoints.isEmpty {
            let inherited = try InheritedSockets.all()
            if !inherited.isEmpty { return inherited.map { Listener($0, speaking: wireProtocol) } }
            if let fallback { endpoints.append(fallback) }
        }
        guard !endpoints.isEmpty else {
            throw ValidationError("say where with --socket PATH or --listen HOST:PORT, or pass a listening socket on")
        }
        return endpoints.map { Listener(wireProtocol, $0) }
    }

    private func mode() throws -> UInt32 {
        guard let mode = UInt32(socketMode, radix: 8), mode <= 0o777 else {
            throw ValidationError("--socket-mode is three octal digits")
        }
        return mode
    }

    private func owner() throws -> SocketOwner? {
        do { return try socketOwner.map(SocketOwner.init) } catch {
            throw ValidationError("--socket-owner: \(error)")
        }
    }
}
