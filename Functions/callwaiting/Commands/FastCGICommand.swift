import ArgumentParser
import FunctionService

struct FastCGICommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "fastcgi",
        abstract: "Serve FastCGI on a Unix socket, a TCP port, or a socket passed on by systemd or as descriptor 0.")

    @Option(help: "Path of a Unix socket.") var socket: String?
    @Option(help: "Permissions of the Unix socket, in octal.") var socketMode = "660"
    @Option(help: "HOST:PORT.") var listen: String?
    @OptionGroup var options: ServingOptions

    func run() async throws {
        try await options.serve(try listeners())
    }

    private func listeners() throws -> [Listener] {
        var endpoints: [Listener.Endpoint] = []
        if let socket {
            guard let mode = UInt32(socketMode, radix: 8), mode <= 0o777 else {
                throw ValidationError("--socket-mode is three octal digits")
            }
            endpoints.append(.unix(path: socket, mode: mode))
        }
        if let listen {
            guard let endpoint = Listener.Endpoint(hostAndPort: listen) else {
                throw ValidationError("\(listen) is not HOST:PORT")
            }
            endpoints.append(endpoint)
        }
        if endpoints.isEmpty {
            endpoints = try InheritedSockets.systemd().map { .inherited(descriptor: $0) }
            if endpoints.isEmpty, let descriptor = InheritedSockets.standardInput() {
                endpoints = [.inherited(descriptor: descriptor)]
            }
        }
        guard !endpoints.isEmpty else {
            throw ValidationError("say where with --socket PATH or --listen HOST:PORT, or pass a listening socket on")
        }
        return endpoints.map { Listener(.fastCGI, $0) }
    }
}
