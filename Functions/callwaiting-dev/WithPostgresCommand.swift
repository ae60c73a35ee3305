import ArgumentParser
import DevHost
import Logging

/// What `make test` runs the SQL tests in.
struct WithPostgresCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "with-postgres",
        abstract: "Run a command beside a throw-away Postgres cluster, which PGHOST, PGPORT and PGUSER then name.",
        discussion: "callwaiting-dev with-postgres -- sql/tests/run")

    @Argument(parsing: .postTerminator, help: "The command and its arguments, after --.")
    var command: [String]

    func run() async throws {
        let cluster = try await PostgresCluster.temporary(logger: Logger(label: "postgres"))
        var environment = Command.plainEnvironment()
        environment["PGHOST"] = cluster.socketDirectory
        environment["PGPORT"] = "5432"
        environment["PGUSER"] = "postgres"
        // By way of env(1), which looks the command up in PATH.
        let command = Command("/usr/bin/env", command, environment: environment)
        let work = Task { try await command.run() }
        StopRequests.shared.handle { _ in work.cancel() }
        let result = await work.result
        try await cluster.stop()
        throw ExitCode(try result.get().shellCode)
    }
}
