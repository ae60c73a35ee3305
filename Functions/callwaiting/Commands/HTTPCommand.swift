import ArgumentParser
import FoundationEssentials
import FunctionService

struct HTTPCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "http", abstract: "Serve plain HTTP/1.1, for containers and platforms that give a PORT.")

    @Option(help: "HOST:PORT; without it 0.0.0.0 and the environment's PORT.") var listen: String?
    @OptionGroup var options: ServingOptions

    func run() async throws {
        let port = ProcessInfo.processInfo.environment["PORT"]
        guard let text = listen ?? port.map({ "0.0.0.0:\($0)" }) else {
            throw ValidationError("say where with --listen HOST:PORT, or set PORT")
        }
        guard let endpoint = Listener.Endpoint(hostAndPort: text) else {
            throw ValidationError("\(text) is not HOST:PORT")
        }
        try await options.serve([Listener(.http, endpoint)])
    }
}
