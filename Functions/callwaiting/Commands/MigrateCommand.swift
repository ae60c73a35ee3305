import ArgumentParser
import FoundationEssentials
import PostgresClient

struct MigrateCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "migrate",
        abstract: "Bring the database to this release, over DATABASE_ADMIN_URL. Safe to run twice, and at once.")

    /// What TRIAL_MINUTES may be.
    static let trialMinutes = 0...999_999

    @Flag(help: "Only list the migrations and when each was applied.") var status = false
    @Option(
        name: .customLong("sql"), help: "The directory with migrations/, else CALLWAITING_SQL_DIR or the installed one."
    )
    var directory: String?

    func run() async throws {
        var reader = SettingsReader(try await SettingsSource().reader)
        let url = reader.required(.databaseAdminURL)
        let sql = reader.optional(.sqlDirectory)
        let settings =
            status
            ? [:]
            : [
                "public_url": reader.url(.publicURL),
                "trial_minutes": String(reader.integer(.trialMinutes, in: Self.trialMinutes)),
            ]
        try reader.finish()

        let source = try MigrationSource(
            directory: MigrationSource.directory(
                option: directory, setting: sql,
                executable: try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")))
        let connection = try await PlainConnection(url, logger: .callwaiting(level: .warning))
        let migrator = Migrator(connection: connection, source: source)
        if status {
            for line in try await migrator.status() { print("\(line.name)  \(line.appliedAt ?? "not applied")") }
        } else {
            let applied = try await migrator.run(settings: settings)
            for name in applied { print("applied \(name)") }
            print(applied.isEmpty ? "nothing to apply" : "done")
        }
        await connection.close()
    }
}
