import DevHost
import FastCGI
import FunctionCore
import FunctionService
import Glibc
import Logging
import NIOCore
import Synchronization

/// `callwaiting` as the host runs it, a server and a worker or, with `--cgi`, a process for each request and a worker;
/// and its successor whenever it has been built anew, without a request lost in between.
final class Programs: Sendable {
    struct Setup: Sendable {
        /// Where a build puts the program.
        let executable: String
        let environment: [String: String]
        /// A directory for the server's sockets.
        let sockets: String
        /// A directory for whole copies of the program: CGI starts it at any moment, also while a build writes it.
        let snapshots: String
        let log: String
        let port: Int
        let cgi: Bool
    }

    /// How often the executable is looked at; a new one counts once it has stayed the same for as long.
    private static let lookInterval = Duration.seconds(1)
    /// From a new server's start until it is ready.
    private static let readyLimit = Duration.seconds(30)
    /// From the switch to a new server until the old one is told to end: what was being sent to it has arrived by then.
    private static let settleTime = Duration.seconds(1)

    private struct State {
        var build = 0
        var served: FileVersion?
        var server: Supervisor.Program?
        var worker: Supervisor.Program?
        var client: FastCGIClient
        var cgiProgram: String
        var follower: Task<Void, Never>?
    }

    private let setup: Setup
    private let supervisor: Supervisor
    private let logger: Logger
    private let errors: Int32
    private let state: Mutex<State>

    init(_ setup: Setup, supervisor: Supervisor, logger: Logger) throws {
        self.setup = setup
        self.supervisor = supervisor
        self.logger = logger
        errors = open(setup.log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o600)
        guard errors >= 0 else { throw HostError("cannot write \(setup.log)") }
        let client = FastCGIClient(to: try SocketAddress(unixDomainSocketPath: "\(setup.sockets)/server-0.sock"))
        state = Mutex(State(served: FileVersion(setup.executable), client: client, cgiProgram: setup.executable))
    }

    deinit { close(errors) }

    /// Answers through whatever is served at the moment.
    var responder: any Responder {
        if setup.cgi {
            var configuration = CGIGateway.Configuration()
            configuration.serverName = "127.0.0.1"
            if setup.port > 0 { configuration.serverPort = setup.port }
            return CGIGateway(configuration: configuration, errors: errors, logger: logger) { [self] in
                Command(state.withLock { $0.cgiProgram }, environment: setup.environment)
            }
        }
        var configuration = FastCGIProxy.Configuration()
        configuration.serverName = "127.0.0.1"
        if setup.port > 0 { configuration.serverPort = setup.port }
        return FastCGIProxy(
            through: { [self] in state.withLock { $0.client } }, configuration: configuration, logger: logger)
    }

    /// Starts the first ones. Does not wait for them.
    func start() async throws {
        let worker = try startWorker()
        state.withLock { $0.worker = worker }
        if setup.cgi {
            let snapshot = try await snapshot(0)
            state.withLock { $0.cgiProgram = snapshot }
        } else {
            let server = try startServer(0)
            state.withLock { $0.server = server }
        }
    }

    /// From now on takes every new build over.
    func followBuilds() {
        let follower = Task { [self] in
            var refused: FileVersion?
            while (try? await Task.sleep(for: Self.lookInterval)) != nil {
                guard let found = FileVersion(setup.executable), found != refused,
                    found != state.withLock({ $0.served }), await isStable(found)
                else { continue }
                do {
                    guard await runs() else { throw HostError("it does not run") }
                    try await takeOver()
                    state.withLock { $0.served = found }
                    Terminal.line("callwaiting has been built anew; it serves from now on")
                } catch {
                    refused = found
                    Terminal.complain("callwaiting has been built anew, but the one before serves on: \(error)")
                }
            }
        }
        state.withLock { $0.follower = follower }
    }

    /// Ends them: the server first, when the requests in flight have been answered.
    func stop() async {
        let follower = state.withLock { $0.follower }
        follower?.cancel()
        await follower?.value
        let state = state.withLock { $0 }
        await state.server?.stop()
        state.client.shutdown()
        await state.worker?.stop()
    }

    func kill() {
        let state = state.withLock { $0 }
        state.server?.kill()
        state.worker?.kill()
    }

    /// A build writes the file for a while.
    private func isStable(_ found: FileVersion) async -> Bool {
        guard (try? await Task.sleep(for: Self.lookInterval)) != nil else { return false }
        return FileVersion(setup.executable) == found
    }

    private func runs() async -> Bool {
        let list = Command(setup.executable, ["functions"], environment: Command.plainEnvironment())
        // What cannot even be started does not run either.
        return (try? await list.output().status.isSuccess) ?? false
    }

    private func takeOver() async throws {
        let build = state.withLock { state in
            state.build += 1
            return state.build
        }
        if setup.cgi {
            let snapshot = try await snapshot(build)
            let before = state.withLock { state in
                defer { state.cgiProgram = snapshot }
                return state.cgiProgram
            }
            try await Task.sleep(for: Self.settleTime)
            try Files.remove(before)
        } else {
            try await replaceServer(build)
        }
        // What the worker does can wait for a moment, and must not be done by two releases at once.
        await state.withLock { $0.worker }?.stop()
        let worker = try startWorker()
        state.withLock { $0.worker = worker }
    }

    /// The new server is tried while the old one serves, then takes its place; the old one ends what it has begun.
    private func replaceServer(_ build: Int) async throws {
        let server = try startServer(build, isTrial: true)
        let client = FastCGIClient(to: try SocketAddress(unixDomainSocketPath: socket(build)))
        guard await isReady(client, server), server.endTrial() else {
            client.shutdown()
            server.kill()
            throw HostError("it is not ready after \(Self.readyLimit)")
        }
        let before = state.withLock { state in
            defer { (state.server, state.client) = (server, client) }
            return (server: state.server, client: state.client)
        }
        // Cancelled or not, the old one ends in order.
        try? await Task.sleep(for: Self.settleTime)
        await before.server?.stop()
        before.client.shutdown()
    }

    private func isReady(_ client: FastCGIClient, _ server: Supervisor.Program) async -> Bool {
        let end = ContinuousClock.now + Self.readyLimit
        while server.isRunning, .now < end {
            guard let target = try? RequestTarget("/readyz") else { return false }
            let head = RequestHead(method: .get, target: target)
            let variables = head.gatewayVariables(serverName: "127.0.0.1", serverPort: setup.port, bodyLength: 0)
            // Refused, unanswered or 503: not yet.
            if let answer = try? await client.send(variables), answer.status == .ok { return true }
            guard (try? await Task.sleep(for: .milliseconds(50))) != nil else { return false }
        }
        return false
    }

    private func socket(_ build: Int) -> String { "\(setup.sockets)/server-\(build).sock" }

    private func startServer(_ build: Int, isTrial: Bool = false) throws -> Supervisor.Program {
        try supervisor.start(
            "server", command(["fastcgi", "--socket", socket(build)]), grace: 15, isTrial: isTrial)
    }

    private func startWorker() throws -> Supervisor.Program {
        try supervisor.start("worker", command(["worker", "--interval", "1"]))
    }

    private func command(_ arguments: [String]) -> Command {
        Command(
            setup.executable, arguments + ["--parent-pipe", "\(Watcher.Descriptor.lifeline)"],
            environment: setup.environment)
    }

    /// Another name for the file as it is now: a build puts a new file in its place, which leaves this one alone.
    private func snapshot(_ build: Int) async throws -> String {
        try Files.createDirectory(setup.snapshots, mode: 0o700)
        let path = "\(setup.snapshots)/callwaiting-\(build)"
        try Files.remove(path)
        if link(setup.executable, path) == 0 { return path }
        guard errno == EXDEV || errno == EPERM else { throw SystemCallError("link \(path)") }
        let copied = try await Command("/bin/cp", [setup.executable, path]).output()
        guard copied.status.isSuccess else { throw HostError(copied.text) }
        return path
    }
}
