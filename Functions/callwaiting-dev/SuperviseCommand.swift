import ArgumentParser
import DevHost

/// One program, run as the host runs its own. The tests of DevHost kill this from outside.
struct SuperviseCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "supervise", abstract: "Run one program as the development host runs its own.",
        shouldDisplay: false)

    @Option var state: String
    @Option var grace = 10
    @Argument(parsing: .postTerminator) var program: [String]

    func validate() throws {
        guard let first = program.first, first.hasPrefix("/") else {
            throw ValidationError("the program's path must be absolute")
        }
    }

    func run() async throws {
        let directory = try await StateDirectory(state)
        let supervisor = try Supervisor(watcher: try Files.executable(), state: directory, echo: true)
        let command = Command(program[0], Array(program.dropFirst()), environment: Command.plainEnvironment())
        let running = try supervisor.start("program", command, grace: grace)
        StopRequests.shared.handle { count in
            if count == 1 { Task { await running.stop() } } else { running.kill() }
        }
        let status = await running.ended
        try directory.cleanUp()
        throw ExitCode(status.shellCode)
    }
}
