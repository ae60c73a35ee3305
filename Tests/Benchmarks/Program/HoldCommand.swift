import ArgumentParser
import DevHost
import Glibc

/// Holds what target 2 measures still, for a profiler.
struct HoldCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "hold", abstract: "Keep CallWaiting, nginx and Postgres running, to be looked at, until Ctrl-C.")

    @OptionGroup var places: Places

    func run() async throws {
        let lab = try await places.lab(effort: .quick)
        let database = try await BenchDatabase.start(lab)
        let ours = Contenders(lab: lab, database: database).ours
        let nginx = try await Nginx.start([ours], lab)
        let program = try lab.supervisor.start(ours.label, try ours.command(lab.path(ours.label)))
        print(
            """
            PID=\(program.processID)
            PGHOST=\(database.cluster.socketDirectory)
            URL=\(nginx.address(of: ours).url)
            CLAIMS='\(database.claims)'
            TOKEN=\(database.token)
            """)
        fflush(nil)
        // Ctrl-C ends it long before; the programs end with this process.
        try await Task.sleep(for: .seconds(86_400))
    }
}
