import ArgumentParser
import DevHost

struct ServeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "serve", abstract: "Run everything until Ctrl-C, and print where it is.")

    @OptionGroup var host: HostOptions
    @Option(help: "The port on 127.0.0.1; 0 takes any free one.") var port = 3000
    @Flag(help: "Begin with nothing: a new database, a new demo user, a new agent.") var reset = false
    @Flag(help: "Answer every request by a process of its own, as under a web server that has only CGI.")
    var cgi = false
    @Flag(help: "Keep what the programs print out of the terminal; the log has it.") var quiet = false

    func validate() throws {
        guard (0...65_535).contains(port) else { throw ValidationError("--port is 0 to 65535") }
    }

    func run() async throws {
        let options = DevelopmentHost.Options(
            state: host.state, port: port, reset: reset, sqlDirectory: try host.sqlDirectory(),
            settings: host.settingsByName, echo: !quiet, callwaiting: try Sibling.callwaiting(),
            cgi: cgi)
        do {
            try await DevelopmentHost.run(options) {
                Terminal.line("Starting Postgres, the emulators, the server and its worker")
            } body: { host, addresses in
                let api = API(url: addresses.url)
                let seed = try await Seed.keep(at: "\(host.directory)/seed.json", through: api)
                await api.close()
                try host.announce(
                    DevFile(
                        url: addresses.url, databaseURL: addresses.databaseURL, agentId: seed.agentId,
                        apiKey: seed.apiKey, user: seed.user, emulators: addresses.emulators))
                Terminal.write(Self.welcome(addresses, seed, log: host.log))
                try await Task.sleep(for: .seconds(Double(Int32.max)))
            }
        } catch is CancellationError {
            Terminal.line("Stopped; nothing is left running")
        }
    }

    private static func welcome(_ addresses: DevelopmentHost.Addresses, _ seed: Seed, log: String) -> String {
        """

        CallWaiting runs at \(addresses.url)  (Ctrl-C stops it)

          demo user   \(seed.user.email), password \(seed.user.password)
          demo agent  \(seed.agentId)
          database    psql '\(addresses.databaseURL)'
          emulators   \(addresses.emulators.control)
          log         \(log)

        Ask the agent something:

          curl -s \(addresses.url)/api/agent/\(seed.agentId)/webhook -H 'X-AGENT-KEY: \(seed.apiKey)' \
        -H 'Content-Type: application/json' -d '{"message":"\(SampleAgent().question)"}'


        """
    }
}

/// The executables that are built together with this one.
enum Sibling {
    static func callwaiting() throws -> String {
        let own = try Files.executable()
        let path = own[...(own.lastIndex(of: "/") ?? own.startIndex)] + "callwaiting"
        guard Files.exists(String(path)) else { throw HostError("\(path) is missing: build it first (make dev does)") }
        return String(path)
    }
}
