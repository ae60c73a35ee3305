import DevHost
import FunctionService
import Logging
import PostgresClient
import Synchronization

/// Everything that runs while a development host does, in the order of its end: front, server, worker, emulators,
/// Postgres. It starts the other way round, but for the front, whose port the others have to know.
final class DevelopmentHost: Sendable {
    struct Options: Sendable {
        var state: String
        /// Port of the front on 127.0.0.1; 0 takes any free one.
        var port: Int
        /// Whether to begin with nothing.
        var reset: Bool
        var sqlDirectory: String
        var settings: [String: String]
        /// Whether what the programs print goes to the terminal as well as to the log.
        var echo: Bool
        /// The executable `callwaiting`, beside this one.
        var callwaiting: String
        /// Whether each request is a process of its own, as under a web server that has only CGI.
        var cgi = false
    }

    /// What a person or a test needs to know of a host that is ready.
    struct Addresses: Sendable {
        let url: String
        let databaseURL: String
        let emulators: DevFile.Emulators
    }

    /// From the start of the server until it says that it is ready.
    static let readyLimit = Duration.seconds(30)

    private let options: Options
    private let state: StateDirectory
    private let supervisor: Supervisor
    private let logger: Logger
    private let parts = Mutex(Parts())

    private struct Parts {
        var front: Front?
        var programs: Programs?
        var emulators: Emulators?
        var postgres: PostgresCluster?
        var isStopping = false
    }

    private init(_ options: Options, state: StateDirectory) throws {
        self.options = options
        self.state = state
        supervisor = try Supervisor(watcher: try Files.executable(), state: state, echo: options.echo)
        logger = try HostLog.logger(at: "\(state.logs)/\(Supervisor.logName)")
    }

    /// Starts a host, runs `body` while it is up, and ends it, whatever happens. Ctrl-C cancels `body`; a second one
    /// hurries the end. A part that ends by itself cancels `body` too, and is thrown afterwards.
    ///
    /// - Parameter whenHeld: called once the state directory is ours, before anything starts.
    static func run<Result: Sendable>(
        _ options: Options, whenHeld: () -> Void = {},
        body: @escaping @Sendable (DevelopmentHost, Addresses) async throws -> Result
    ) async throws -> Result {
        let state = try await StateDirectory(options.state)
        whenHeld()
        do {
            if options.reset {
                try await PostgresCluster.remove(clusterDirectory(of: state), logger: Logger(label: "postgres"))
                try state.reset()
            }
            let host = try DevelopmentHost(options, state: state)
            let work = Task { try await body(host, try await host.start()) }
            StopRequests.shared.handle { count in
                work.cancel()
                if count > 1 { host.hurry() }
            }
            let ends = Task { await host.supervisor.unexpectedEnds.first { _ in true } }
            let watch = Task {
                let end = await ends.value
                if end != nil { work.cancel() }
            }
            let result = await work.result
            ends.cancel()
            try await host.stop()
            await watch.value
            try state.cleanUp()
            if let end = await ends.value { throw end }
            return try result.get()
        } catch {
            try state.cleanUp()
            throw error
        }
    }

    var directory: String { state.path }
    var log: String { "\(state.logs)/\(Supervisor.logName)" }

    /// Says that the host is ready, to scripts and tests. The file goes when the host does.
    func announce(_ file: DevFile) throws { try file.write(to: state.devFile) }

    private static func clusterDirectory(of state: StateDirectory) -> String { "\(state.path)/postgres" }

    private func start() async throws -> Addresses {
        let keys = try Keys.keep(at: "\(state.path)/keys.json")
        let audio = "\(state.path)/audio"
        try Files.createDirectory(audio, mode: 0o700)
        let settingsFile = "\(state.path)/no-settings.env"
        try Files.write("", to: settingsFile, mode: 0o600)
        let front = try await Front.start(port: options.port, logger: logger)
        parts.withLock { $0.front = front }
        let postgres = try await startPostgres()
        let emulators = try await Emulators.start(publicURL: front.url, keys: keys, logger: logger)
        parts.withLock { $0.emulators = emulators }
        let environment = ServerEnvironment(
            url: front.url, emulators: emulators.addresses, keys: keys, audioDirectory: audio,
            settingsFile: settingsFile, databaseURL: postgres.url(user: "callwaiting"),
            databaseAdminURL: postgres.url(user: "callwaiting_owner"), overrides: options.settings)
        try await prepareDatabase(postgres, environment)
        let programs = try Programs(
            .init(
                executable: options.callwaiting, environment: environment.serving, sockets: state.sockets,
                snapshots: "\(state.path)/built", log: log, port: options.port, cgi: options.cgi),
            supervisor: supervisor, logger: logger)
        parts.withLock { $0.programs = programs }
        try await programs.start()
        front.serve(programs.responder)
        try await waitUntilReady(front.url)
        programs.followBuilds()
        return Addresses(url: front.url, databaseURL: postgres.databaseURL, emulators: emulators.addresses)
    }

    /// Starts the cluster in a task of its own: one that Ctrl-C broke off in the middle could not be stopped in order.
    private func startPostgres() async throws -> PostgresCluster {
        let directory = Self.clusterDirectory(of: state)
        let postgres = try await Task { try await PostgresCluster.start(in: directory, logger: logger) }.value
        parts.withLock { $0.postgres = postgres }
        Task { [self] in
            let status = await postgres.ended
            if !parts.withLock({ $0.isStopping }) { supervisor.reportEnd(of: "Postgres", status, log: postgres.log) }
        }
        try Task.checkCancellation()
        return postgres
    }

    /// What a superuser does once for a database, and then what an operator does at each release.
    private func prepareDatabase(_ postgres: PostgresCluster, _ environment: ServerEnvironment) async throws {
        let connection = try await PlainConnection(postgres.databaseURL, logger: logger)
        for name in ["roles.sql", "supabase_defaults.sql"] {
            let path = "\(options.sqlDirectory)/\(name)"
            guard let script = try Files.read(path) else { throw HostError("\(path) is missing") }
            try await connection.execute(script)
        }
        await connection.close()
        let migrate = Command(
            options.callwaiting, ["migrate", "--sql", options.sqlDirectory], environment: environment.migrating)
        let status = try await supervisor.run("migrate", migrate)
        try Task.checkCancellation()
        guard status.isSuccess else { throw HostError("callwaiting migrate failed (\(status)); \(log) says why") }
    }

    private func waitUntilReady(_ url: String) async throws {
        let api = API(url: url)
        defer { Task { await api.close() } }
        let end = ContinuousClock.now + Self.readyLimit
        while true {
            // Refused, unanswered or 503: not yet.
            if let answer = try? await api.send(.get, "/readyz", limit: .seconds(2)), answer.status == .ok { return }
            guard .now < end else { throw HostError("the server is not ready after \(Self.readyLimit); see \(log)") }
            try await Task.sleep(for: .milliseconds(50))
        }
    }

    private func stop() async throws {
        let parts = parts.withLock { parts in
            parts.isStopping = true
            return parts
        }
        await parts.front?.stop()
        await parts.programs?.stop()
        await parts.emulators?.stop()
        try await parts.postgres?.stop()
    }

    /// Ends what is still waited for, at once. Postgres is left its own pace: its end is quick, and its data precious.
    private func hurry() {
        let parts = parts.withLock { $0 }
        parts.front?.hurry()
        parts.programs?.kill()
        parts.emulators?.server.hurry()
    }
}

/// Why a development host cannot be had, for the person at the terminal.
struct HostError: Error, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }
}
