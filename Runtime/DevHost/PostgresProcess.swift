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

    private let watcher: PostgresChildProcess
    private let predecessor: PostgresDataDirectory.PIDFile?
    private let data: PostgresDataDirectory
    /// The pipe's end that keeps Postgres alive; -1 once closed.
    private let lifeline: Mutex<Int32>

    private init(_ watcher: PostgresChildProcess, lifeline: Int32, data: PostgresDataDirectory, _ old: PostgresDataDirectory.PIDFile?) {
        self.watcher = watcher
        self.lifeline = Mutex(lifeline)
        self.data = data
        predecessor = old
    }

    deinit {
        cutLifeline()
    }

    static func launch(
        binaries: PostgresBinaries, data: PostgresDataDirectory, sockets: String, settings: [String: String]
    ) throws -> PostgresProcess {
        let old = data.pidFile
        let ends = try PostgresLifeline()
        let command = [binaries.postgres, "-D", data.path, "-k", sockets, "-p", "\(PostgresCluster.port)"]
            + settings.sorted { $0.key < $1.key }.flatMap { ["-c", "\($0.key)=\($0.value)"] }
        do {
            let watcher = try PostgresChildProcess.start(
                data.account.prefix + ["/bin/sh", "-c", watcher, "callwaiting-postgres-watcher", sockets] + command,
                log: data.log, input: ends.reading)
            close(ends.reading)
            return PostgresProcess(watcher, lifeline: ends.writing, data: data, old)
        } catch {
            close(ends.reading)
            close(ends.writing)
            throw error
        }
    }

    var isRunning: Bool { watcher.isRunning }

    /// Waits until Postgres takes connections. False when it ended instead, or did not get there in time.
    func isReady(_ data: PostgresDataDirectory, before deadline: ContinuousClock.Instant) async throws -> Bool {
        while watcher.isRunning {
            if let file = data.pidFile, predecessor.map({ !file.isSameServer(as: $0) }) ?? true, file.isReady {
                return true
            }
            guard ContinuousClock.now < deadline else {
                await stop(within: .seconds(5))
                return false
            }
            await PostgresCluster.pause(.milliseconds(10))
        }
        return false
    }

    /// Closes the pipe, and waits for Postgres and the watcher to end; when that takes too long, insists.
    func stop(within limit: Duration) async {
        cutLifeline()
        let deadline = ContinuousClock.now + limit
        while watcher.isRunning, ContinuousClock.now < deadline { await PostgresCluster.pause(.milliseconds(10)) }
        if watcher.isRunning {
            watcher.signalGroup(SIGQUIT)
            let last = ContinuousClock.now + .seconds(5)
            while watcher.isRunning, ContinuousClock.now < last { await PostgresCluster.pause(.milliseconds(10)) }
            watcher.signalGroup(SIGKILL)
        }
        // The watcher itself may have been killed before its time, and then Postgres is still on its way out.
        if let file = data.pidFile, predecessor.map({ !file.isSameServer(as: $0) }) ?? true {
            try? await data.endPredecessor(within: limit)
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

/// Both ends of a pipe, neither of which any child inherits by itself.
struct PostgresLifeline {
    let reading: Int32
    let writing: Int32

    init() throws {
        var ends: [Int32] = [-1, -1]
        guard pipe(&ends) == 0 else { throw PostgresClusterError("no pipe: \(PostgresFiles.lastError)") }
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        reading = ends[0]
        writing = ends[1]
    }
}
