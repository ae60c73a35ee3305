import ArgumentParser
import FunctionService

struct FastCGICommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "fastcgi",
        abstract: "Serve FastCGI on a Unix socket, a TCP port, or sockets passed on by systemd or as descriptor 0.")

    @OptionGroup var listening: ListeningOptions
    @Flag(help: "Let --listen name an address that other machines can reach.") var allowRemote = false
    @OptionGroup var options: ServingOptions

    func run() async throws {
        try await options.serve(try listening.listeners(.fastCGI)) { $0.allowsRemoteFastCGI = allowRemote }
    }
}
