import ArgumentParser

struct WorkerCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "worker",
        abstract:
            "Do background work: payment events, reconciliation, holds, and whatever has had its time.")

    @Option(help: "Seconds between two looks at what is due, when nothing says that something is.") var interval = 30
    @Flag(help: "Do what is due now, then exit.") var once = false
    @OptionGroup var admin: AdminOption
    @Option(help: ArgumentHelp("Exit when this descriptor is closed at its other end.", visibility: .hidden))
    var parentPipe: Int32?

    func validate() throws {
        guard (1...3_600).contains(interval) else { throw ValidationError("--interval is 1 to 3600 seconds") }
    }

    func run() async throws {
        guard once else {
            let life = ServingLife(parentPipe: parentPipe)
            return try await life.run {
                let worker = try await Worker(source: try await SettingsSource())
                let outcome = try await worker.runUntilStopped(
                    every: .seconds(interval), life, page: try admin.endpoint())
                await worker.shutdown()
                return outcome
            }
        }
        let worker = try await Worker(source: try await SettingsSource())
        let allWell = await worker.runOnce()
        await worker.shutdown()
        if !allWell { throw ExitCode(1) }
    }
}
