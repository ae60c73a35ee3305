import ArgumentParser

struct CheckCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check",
        abstract: "Say what is missing or wrong in settings, database and providers. Exits 1 if anything is.")

    func run() async throws {
        var checkup = Checkup()
        await checkup.settingsFile()
        await checkup.settings()
        await checkup.storage()
        await checkup.database()
        await checkup.providers()
        for line in checkup.findings { print(line) }
        if checkup.hasErrors { throw ExitCode(1) }
    }
}
