import ArgumentParser
import FoundationEssentials
import FunctionService

struct HTTPCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "http",
        abstract: "Serve plain HTTP/1.1: for containers, platforms that give a PORT, and proxies.",
        discussion: "Where nothing is named or passed on, it listens on all addresses at the environment's PORT.")

    @OptionGroup var listening: ListeningOptions
    @OptionGroup var options: ServingOptions

    func run() async throws {
        let port = ProcessInfo.processInfo.environment["PORT"]
        let fallback = try port.map { port in
            guard let port = UInt16(port) else { throw ValidationError("PORT is not a port") }
            return Listener.Endpoint.tcp(host: "0.0.0.0", port: Int(port))
        }
        try await options.serve(try listening.listeners(.http, fallback: fallback))
    }
}
