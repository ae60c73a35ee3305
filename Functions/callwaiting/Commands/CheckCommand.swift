import ArgumentParser

struct CheckCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check",
        abstract: "Say what is missing or wrong in settings, database, books and providers. Exits 1 if anything is.")

    @Option(
        help: "A web server's file, whose time-outs are compared with ours; without it WEB_SERVER_CONFIG names one."
    )
    var webServerConfig: [String] = []

    func run() async throws {
        var checkup = Checkup()
        await checkup.settingsFile()
        await checkup.settings()
        await checkup.storage()
        await checkup.webServer(configurations: webServerConfig)
        await checkup.database()
        await checkup.books()
        await checkup.providers()
        for line in checkup.findings { print(line) }
        if checkup.hasErrors { throw ExitCode(1) }
    }
}
