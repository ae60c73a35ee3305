import ArgumentParser
import Glibc

/// `callwaiting-dev <command>`.
struct DevCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "callwaiting-dev",
        abstract: "CallWaiting on this machine alone: its own Postgres, stand-ins for other servers, no account.",
        subcommands: [
            ServeCommand.self, DemoCommand.self, EnvCommand.self, WithPostgresCommand.self, SuperviseCommand.self,
        ],
        defaultSubcommand: ServeCommand.self)

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
