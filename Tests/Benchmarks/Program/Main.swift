import ArgumentParser
import DevHost
import Glibc

/// What `make bench` runs. Every program that it starts is under a watcher of its own, so none outlives it.
@main
enum Main {
    static func main() {
        Watcher.runIfAsked()
        Signals.hold()
        raiseDescriptorLimit()
        Task.detached { await BenchCommand.runToExit() }
        Signals.receive { signal in Glibc.exit(128 + signal) }
    }

    /// As many descriptors as the system lets us have, for us and for what we start.
    private static func raiseDescriptorLimit() {
        var limit = rlimit()
        getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
        limit.rlim_cur = limit.rlim_max
        setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
    }
}

/// `callwaiting-bench <command>`.
struct BenchCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "callwaiting-bench", abstract: "Measures callwaiting beside what people use today.",
        subcommands: [RunCommand.self, HoldCommand.self, BareCommand.self], defaultSubcommand: RunCommand.self)

    static func runToExit() async -> Never {
        do {
            var command = try parseAsRoot()
            if var command = command as? any AsyncParsableCommand {
                try await command.run()
            } else {
                try command.run()
            }
            Glibc.exit(0)
        } catch {
            exit(withError: error)
        }
    }
}

/// Why nothing can be measured, for the person at the terminal.
struct BenchError: Error, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }
}
