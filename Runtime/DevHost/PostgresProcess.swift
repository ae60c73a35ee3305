import Glibc
import Synchronization

/// A running Postgres and the watcher above it.
final class PostgresProcess: Sendable {
    /// Ends Postgres when its input, the pipe, closes, and itself when Postgres ends.
    ///
    /// Two processes: one waits for Postgres and cleans up, the other waits for the pipe. Killing the first leaves the
    /// second, which still ends Postgres with our process.
    private static let watcher = """
        sockets=$1
        shift
        exec 3<&0 </dev/null
        "$@" 3<&- &
        postgres=$!
        trap 'kill -INT "$postgres"' HUP INT TERM
        { trap '' HUP INT; read -r _ <&3; kill -INT "$postgres"; } 2>/dev/null &
        reader=$!
        exec 3<&-
        while kill -0 "$postgres" 2>/dev/null; do wait "$postgres"; done
        kill "$reader" 2>/dev/null
        rm -rf -- "$sockets"
        """

    private let process: ChildProcess
    /// What an earlier server left in the pid file, to tell it from this one's.
    private let predecessor: PostgresDataDirectory.PIDFile?
    private let data: PostgresDataDirectory
    /// The pipe's end that keeps Postgres alive; -1 once closed.
    private let lifeline: Mutex<Int32>

    private init(
        _ process: ChildProcess, lifeline: Int32, data: PostgresDataDirectory,
        predecessor: PostgresDataDirectory.PIDFile?
    ) {
        self.process = process
        self.lifeline = Mutex(lifeline)
        self.data = data
        self.predecessor = predecessor
    }

    deinit {
        cutLifeline()
    }

    static func launch(
        binaries: PostgresBinaries, data: PostgresDataDirectory, sockets: String, settings: [String: String]
    ) throws(SystemCallError) -> PostgresProcess {
        let predecessor = try data.pidFile
        let server =
            [binaries.postgres, "-D", data.path, "-k", sockets, "-p", "\(PostgresCluster.port)"]
            + settings.sorted { $0.key < $1.key }.flatMap { ["-c", "\($0.key)=\($0.value)"] }
        let command = data.account.command(
            "/bin/sh", ["-c", watcher, "callwaiting-postgres-watcher", sockets] + server)
        let log = try open(data.log, O_WRONLY | O_CREAT | O_APPEND)
        defer { close(log) }
        let pipe = try Pipe()
        do {
            let process = try ChildProcess.start(command, descriptors: [pipe.readEnd, log, log])
            close(pipe.readEnd)
            return PostgresProcess(process, lifeline: pipe.writeEnd, data: data, predecessor: predecessor)
        } catch {
            pipe.closeBoth()
            throw error
        }
    }

    static func open(_ path: String, _ flags: Int32) throws(SystemCallError) -> Int32 {
        try SystemCallError.check("open \(path)", Glibc.open(path, flags | O_CLOEXEC, 0o644))
    }

    var isRunning: Bool { process.isRunning }

    var log: String { data.log }

    /// How it ended, or the watcher above it did.
    var ended: Termination { get async { await process.exitStatus } }

    /// Waits until Postgres takes connections. False when it ended instead, or did not get there in time.
    func isReady(before deadline: ContinuousClock.Instant) async throws -> Bool {
        while process.isRunning {
            if let file = try ownPIDFile, file.isReady { return true }
            guard ContinuousClock.now < deadline else { break }
            await PostgresCluster.pause(.milliseconds(10))
        }
        try await stop(within: .seconds(5))
        return false
    }

    /// Closes the pipe, and waits for Postgres and the watcher to end; when that takes too long, insists.
    func stop(within limit: Duration) async throws {
        cutLifeline()
        await wait(limit)
        // The watcher may have been killed before its time, or be stuck: then Postgres is told directly.
        if try ownPIDFile != nil { try await data.endPredecessor(within: limit) }
        await wait(.seconds(1))
        process.killGroup()
    }

    private func wait(_ limit: Duration) async {
        let deadline = ContinuousClock.now + limit
        while process.isRunning, ContinuousClock.now < deadline { await PostgresCluster.pause(.milliseconds(10)) }
    }

    /// The pid file, if it is this server's.
    private var ownPIDFile: PostgresDataDirectory.PIDFile? {
        get throws(SystemCallError) {
            guard let file = try data.pidFile else { return nil }
            if let predecessor, file.isSameServer(as: predecessor) { return nil }
            return file
        }
    }

    private func cutLifeline() {
        let descriptor = lifeline.withLock { descriptor in
            defer { descriptor = -1 }
            return descriptor
        }
        if descriptor >= 0 { close(descriptor) }
    }
}
