import CGIHost
import FunctionCore
import FunctionService
import Glibc
import Logging

/// An application for the tests behind real web servers: whatever a function can answer, on request.
///
/// It is what `callwaiting` is to a web server (a CGI program when `GATEWAY_INTERFACE` is set, otherwise FastCGI on
/// `--socket PATH`, `--listen HOST:PORT` or descriptor 0), without a database. `BASE_PATH` is honoured;
/// `CONFORMANCE_DIRECTORY` is where it and the tests tell each other how far they are.
@main
enum Main {
    static func main() {
        CGIProcess.prepare()
        Task.detached {
            if CGIProcess.isCGI {
                exit(
                    await CGIProcess.serve(
                        Conformance.application, program: CommandLine.arguments[0], basePath: basePath))
            }
            await serve()
        }
        while true { pause() }
    }

    private static var basePath: String { getenv("BASE_PATH").map { String(cString: $0) } ?? "" }

    private static func serve() async -> Never {
        do {
            var configuration = Server.Configuration(listeners: [try listener()])
            configuration.basePath = basePath
            configuration.loops = 1
            // Longer than a busy machine may take to send the rest of a refused body.
            configuration.limits.linger = .seconds(20)
            try await Server(
                responder: Conformance.application, configuration: configuration, logger: Logger(label: "conformance")
            ).run()
            exit(0)
        } catch {
            Logger(label: "conformance").critical("\(error)")
            exit(1)
        }
    }

    private static func listener() throws -> Listener {
        if let path = argument(after: "--socket") { return Listener(.fastCGI, .unix(path: path, mode: 0o666)) }
        if let endpoint = argument(after: "--listen").flatMap({ Listener.Endpoint(hostAndPort: $0) }) {
            return Listener(.fastCGI, endpoint)
        }
        guard let socket = try InheritedSockets.all().first else { throw NowhereToListen() }
        return Listener(.fastCGI, .inherited(socket))
    }
}

private func argument(after option: String) -> String? {
    guard let index = CommandLine.arguments.firstIndex(of: option), index + 1 < CommandLine.arguments.count else {
        return nil
    }
    return CommandLine.arguments[index + 1]
}

private struct NowhereToListen: Error {}
