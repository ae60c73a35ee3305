import DevHost
import FoundationEssentials
import FunctionCore
import Glibc
import HTTPTypes
import PostgresClient
import Synchronization
import WebClient
import WebServers

/// One installation: a Postgres cluster, the providers' stand-ins, and servers that can be killed.
final class World: Sendable {
    /// Seconds that a request may take, unless a drill says otherwise.
    static let usualDeadline = 10
    /// Seconds. The shortest that the setting allows.
    static let shortestDeadline = 5
    /// Seconds from a transaction's beginning, which is when a hold was made, to the row that it waits for, when its lease
    /// begins: as long as a statement may take, and one more.
    static let longestWait = 6
    static let secret = "drills-only-drills-only-drills-only-drills-only"
    static let secretHash = "whsec-drills"

    let place: Place
    let providers = Providers()
    let directory: String
    /// Seconds that a request may take. What it leaves after three is the providers'.
    let deadline: Int
    private let standIn: InProcessServer
    private let cluster: Mutex<PostgresCluster>
    private let servers: Mutex<[Server]>
    private let superuserConnection = Mutex<PlainConnection?>(nil)

    /// A `callwaiting http` on a port that stays its own.
    struct Server: Sendable {
        let port: Int
        var program: Supervisor.Program

        var url: String { "http://127.0.0.1:\(port)" }
    }

    init(
        _ place: Place, _ name: String, servers count: Int, deadline: Int = World.usualDeadline,
        changes: [String: String] = [:]
    ) async throws {
        self.place = place
        self.deadline = deadline
        extraSettings = changes
        directory = "\(place.state.path)/\(name)"
        try Files.createDirectory(directory, mode: 0o711)
        try Files.createDirectory("\(directory)/audio", mode: 0o700)
        let cluster = try await PostgresCluster.start(
            in: "\(directory)/postgres", options: Self.options, logger: place.logger)
        self.cluster = Mutex(cluster)
        let application = Application(
            [providers], authenticator: NoAuthenticator(), configuration: .init(publicURL: "http://127.0.0.1"),
            logger: place.logger)
        standIn = try await .start(application, port: 0, drainTime: .zero, logger: place.logger)
        servers = Mutex([])
        try linkSockets(of: cluster)
        try await migrate()
        for _ in 0..<count {
            let port = try freePort()
            let server = Server(port: port, program: try start(port))
            servers.withLock { $0.append(server) }
        }
        for index in 0..<count { try await waitUntilReady(index) }
    }

    private let extraSettings: [String: String]

    private static var options: PostgresCluster.Options {
        var options = PostgresCluster.Options()
        options.settings = ["max_connections": "60", "restart_after_crash": "on"]
        return options
    }

    var settings: [String: String] {
        Command.plainEnvironment().merging([
            "CALLWAITING_ENV_FILE": "\(place.state.path)/settings.env",
            "DATABASE_URL": url("callwaiting"), "DATABASE_ADMIN_URL": url("callwaiting_owner"),
            "PUBLIC_URL": "http://127.0.0.1", "APP_URL": "http://127.0.0.1", "TRIAL_MINUTES": "60",
            "AUDIO_DIRECTORY": "\(directory)/audio", "AUDIO_SIGNING_KEY": Self.secret,
            "SUPABASE_JWT_SECRET": Self.secret, "REQUEST_DEADLINE": "\(deadline)",
            "DATABASE_CONNECT_TIMEOUT": "15",
            "OPENAI_BASE_URL": standIn.url + "/v1", "OPENAI_API_KEY": "none",
            "MINIMAX_BASE_URL": standIn.url, "MINIMAX_API_KEY": "none",
            "FLUTTERWAVE_BASE_URL": standIn.url + "/v3", "FLUTTERWAVE_SECRET_KEY": "none",
            // A few callers ask for more here than any may.
            "RATE_LIMIT_AGENT": "0", "AGENT_CALLS_AT_ONCE": "0", "RATE_LIMIT_PAYMENTS": "0",
            "FLUTTERWAVE_WEBHOOK_SECRET_HASH": Self.secretHash, "BASIC_PLAN_AMOUNT": "2900",
            "PRO_PLAN_AMOUNT": "19900", "ENTERPRISE_PLAN_AMOUNT": "99900", "LOG_LEVEL": "error",
        ]) { $1 }.merging(extraSettings) { $1 }
    }

    // MARK: Postgres

    /// Through a link, since a cluster has another socket directory each time that it is started.
    private func url(_ user: String) -> String {
        "postgresql://\(user)@/callwaiting?host=\(directory)/sockets&port=5432"
    }

    private func linkSockets(of cluster: PostgresCluster) throws {
        let (link, new) = ("\(directory)/sockets", "\(directory)/sockets.new")
        unlink(new)
        guard symlink(cluster.socketDirectory, new) == 0, rename(new, link) == 0 else {
            throw DrillError("symlink \(link)")
        }
    }

    private func migrate() async throws {
        for file in ["roles.sql", "supabase_defaults.sql"] {
            try await execute(try Files.read("\(place.sql)/\(file)") ?? "")
        }
        let (status, text) = try await Command(
            place.callwaiting, ["migrate", "--sql", place.sql], environment: settings
        ).output()
        guard status.isSuccess else { throw DrillError("migrate: \(text)") }
        try await execute(Ledger.functions)
    }

    /// As the cluster's superuser, who looks behind the scenes and lets time pass. Waits for a server that is starting.
    func query(_ sql: String, _ parameters: [(any PostgresBindable)?] = []) async throws -> Rows {
        let end = ContinuousClock.now + .seconds(30)
        while true {
            do {
                return try await superuser().query(Statement(sql, parameters))
            } catch {
                guard (error as? DatabaseError)?.meansUnavailable == true, .now < end else { throw error }
                superuserConnection.withLock { $0 = nil }
                try await Task.sleep(for: .milliseconds(20))
            }
        }
    }

    func execute(_ script: String) async throws { try await superuser().execute(script) }

    private func superuser() async throws -> PlainConnection {
        if let connection = superuserConnection.withLock({ $0 }) { return connection }
        let connection = try await PlainConnection(url("postgres"), applicationName: "drills", logger: place.logger)
        superuserConnection.withLock { $0 = connection }
        return connection
    }

    /// Cuts every connection that the server has.
    func cutConnections() async throws {
        _ = try await query(
            "select count(pg_terminate_backend(pid)) from pg_stat_activity where usename = 'callwaiting'")
    }

    /// Kills one backend, at which Postgres ends all others and recovers.
    func crashPostgres() async throws {
        let rows = try await query("select pid from pg_stat_activity where usename = 'callwaiting' limit 1")
        guard let row = rows.first else { return }
        kill(pid_t(try row.decode("pid", as: Int.self)), SIGKILL)
    }

    func stopPostgres() async throws {
        superuserConnection.withLock { $0 = nil }
        try await cluster.withLock { $0 }.stop()
    }

    func startPostgres() async throws {
        let new = try await PostgresCluster.start(
            in: "\(directory)/postgres", options: Self.options, logger: place.logger)
        cluster.withLock { $0 = new }
        try linkSockets(of: new)
    }

    // MARK: Servers

    func url(of server: Int) -> String { servers.withLock { $0[server].url } }

    func killServer(_ index: Int = 0) { servers.withLock { $0[index].program }.kill() }

    /// Starts a server again that was killed.
    func restartServer(_ index: Int = 0) async throws {
        let old = servers.withLock { $0[index] }
        await old.program.stop()
        let program = try start(old.port)
        servers.withLock { $0[index].program = program }
        try await waitUntilReady(index)
    }

    func isServerRunning(_ index: Int = 0) -> Bool { servers.withLock { $0[index].program.isRunning } }

    private func start(_ port: Int) throws -> Supervisor.Program {
        try place.supervisor.start(
            "server",
            Command(place.callwaiting, ["http", "--listen", "127.0.0.1:\(port)"], environment: settings))
    }

    func startWorker(interval: Int = 1) throws -> Supervisor.Program {
        try place.supervisor.start(
            "worker",
            Command(place.callwaiting, ["worker", "--interval", "\(interval)"], environment: settings))
    }

    func run(_ arguments: [String]) async throws -> (status: Termination, text: String) {
        try await Command(place.callwaiting, arguments, environment: settings).output()
    }

    /// Until it answers, and its database does.
    func waitUntilReady(_ index: Int = 0) async throws {
        let end = ContinuousClock.now + .seconds(30)
        while .now < end {
            let request = WebRequest(
                method: .get, url: url(of: index) + "/readyz", deadline: .now + .seconds(5))
            if let response = try? await place.client.send(request), response.status == .ok { return }
            try await Task.sleep(for: .milliseconds(10))
            if isServerRunning(index) { continue }
            // One that was killed may hold its port for a moment longer, which is this one's end.
            try await Task.sleep(for: .milliseconds(200))
            let program = try start(servers.withLock { $0[index].port })
            servers.withLock { $0[index].program = program }
        }
        throw DrillError("a server does not become ready; see \(place.state.logs)")
    }

    func end() async throws {
        for server in servers.withLock({ $0 }) { await server.program.stop() }
        await standIn.stop()
        try await stopPostgres()
        try await PostgresCluster.remove("\(directory)/postgres", logger: place.logger)
    }
}

/// The stand-ins ask nobody who they are.
struct NoAuthenticator: Authenticator {
    func caller(of request: Request, rule: CallerRule, in context: Context) async throws -> any Sendable {
        throw Problem(.internal)
    }
}
