import ArgumentParser
import DevHost

struct DemoCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "demo",
        abstract: "Do the main job once, from nothing, and exit 0 only if every step held.",
        discussion: "Signs up, creates an agent, asks it, hears it, uses up the trial, pays, goes on.")

    @OptionGroup var host: HostOptions

    func run() async throws {
        var options = DevelopmentHost.Options(
            state: host.state, port: 0, reset: true, sqlDirectory: try host.sqlDirectory(),
            settings: host.settingsByName, echo: false, callwaiting: try Sibling.callwaiting())
        // Beside the development host's own state, so that both can run.
        if host.state == ".callwaiting" { options.state = ".callwaiting/demo" }
        let script = DemoScript()
        Terminal.line("The main job, once, on this machine alone:")
        do {
            let starting = script.begin("start Postgres, the emulators, the server and its worker")
            try await DevelopmentHost.run(options) { host, addresses in
                starting.end("at \(addresses.url)")
                let api = API(url: addresses.url)
                try await Demo(api: api, addresses: addresses, directory: host.directory, script: script).run()
                await api.close()
                script.beginStopping()
            }
            script.endStopping()
        } catch is CancellationError {
            Terminal.complain("demo: interrupted; nothing is left running")
            throw ExitCode(130)
        } catch {
            script.fail()
            Terminal.complain("demo: failed: \(error)")
            if !(error is StateDirectory.InUse) {
                let log = "\(Files.absolute(options.state))/logs/\(Supervisor.logName)"
                Terminal.complain("demo: \(log) has what the programs said")
            }
            throw ExitCode(1)
        }
        Terminal.line("demo: ok")
    }
}
