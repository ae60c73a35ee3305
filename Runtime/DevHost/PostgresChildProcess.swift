import Glibc
import Synchronization

/// A process that we started: in a process group of its own, with no descriptors of ours but those named here.
final class PostgresChildProcess: Sendable {
    let id: pid_t
    private let ending = Mutex<Ending?>(nil)

    struct Ending: Sendable, Equatable {
        /// As `waitpid` reports it.
        let status: Int32

        var isSuccess: Bool { status == 0 }
    }

    private init(id: pid_t) {
        self.id = id
    }

    /// - Parameters:
    ///   - command: Path and arguments.
    ///   - log: Where output and errors are appended; nowhere when nil.
    ///   - input: What it reads; nothing when nil.
    static func start(_ command: [String], log: String? = nil, input: Int32? = nil) throws -> PostgresChildProcess {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        if let input {
            posix_spawn_file_actions_adddup2(&actions, input, 0)
        } else {
            posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
        }
        posix_spawn_file_actions_addopen(&actions, 1, log ?? "/dev/null", O_WRONLY | O_CREAT | O_APPEND, 0o644)
        posix_spawn_file_actions_adddup2(&actions, 1, 2)
        // A server that kept, say, a test runner's output open would keep its reader waiting for ever.
        for name in PostgresFiles.names(in: "/proc/self/fd") {
            if let descriptor = Int32(name), descriptor > 2 {
                posix_spawn_file_actions_addclose(&actions, descriptor)
            }
        }

        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        var none = sigset_t(), all = sigset_t()
        sigemptyset(&none)
        sigfillset(&all)
        posix_spawnattr_setsigmask(&attributes, &none)
        posix_spawnattr_setsigdefault(&attributes, &all)
        posix_spawnattr_setpgroup(&attributes, 0)
        let flags = POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF
        posix_spawnattr_setflags(&attributes, Int16(flags))

        var arguments = command.map { strdup($0) } + [nil]
        defer { arguments.forEach { free($0) } }
        var id: pid_t = 0
        let failure = posix_spawn(&id, command[0], &actions, &attributes, &arguments, environ)
        guard failure == 0 else {
            throw PostgresClusterError("cannot start \(command[0]): \(String(cString: strerror(failure)))")
        }
        return PostgresChildProcess(id: id)
    }

    /// Starts a command and waits for its end, without blocking a thread.
    static func run(_ command: [String], log: String? = nil) async throws -> Ending {
        let child = try start(command, log: log)
        while true {
            if let ending = child.check() { return ending }
            await PostgresCluster.pause(.milliseconds(5))
        }
    }

    var isRunning: Bool { check() == nil }

    /// Reaps the process if it has ended. Once it has, its id is never used again, since it may be another's.
    private func check() -> Ending? {
        ending.withLock { ending in
            guard ending == nil else { return ending }
            var status: Int32 = 0
            let reaped = waitpid(id, &status, WNOHANG)
            if reaped == id { ending = Ending(status: status) }
            if reaped < 0, errno == ECHILD { ending = Ending(status: -1) }
            return ending
        }
    }

    func signalGroup(_ signal: Int32) {
        ending.withLock { ending in
            if ending == nil { kill(-id, signal) }
        }
    }
}
