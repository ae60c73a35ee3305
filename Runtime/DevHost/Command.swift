import Glibc

/// A program to start, and all that it is given.
public struct Command: Sendable {
    /// Absolute path of the program.
    public var executable: String
    /// What follows the program's own name.
    public var arguments: [String]
    /// All of its environment: nothing is inherited.
    public var environment: [String: String]

    public init(_ executable: String, _ arguments: [String] = [], environment: [String: String] = [:]) {
        self.executable = executable
        self.arguments = arguments
        self.environment = environment
    }

    /// What a program may take from the environment of whoever starts the development host: where programs are, the
    /// language, the time zone. No setting of ours is among them, so that no shell's leftovers reach a server.
    public static func plainEnvironment() -> [String: String] {
        var environment: [String: String] = [:]
        for name in ["PATH", "HOME", "USER", "LANG", "LC_ALL", "TZ", "TERM"] {
            if let value = getenv(name) { environment[name] = String(cString: value) }
        }
        environment["PATH"] = environment["PATH"] ?? "/usr/local/bin:/usr/bin:/bin:/usr/local/sbin:/usr/sbin:/sbin"
        return environment
    }

    /// Which process group the program starts in.
    enum Group {
        case own
        case ours
    }

    /// Starts the program with nothing but the descriptors named: `descriptors[n]` becomes its descriptor n, and what
    /// comes after them is closed. All signals are as after a reboot, and none is blocked.
    ///
    /// - Returns: its process id. Reaping it is up to the caller.
    /// - Throws: ``SystemCallError``, `ENOENT` when there is no such program.
    func spawn(group: Group, descriptors: [Int32]) throws(SystemCallError) -> pid_t {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        for (wanted, given) in descriptors.enumerated() {
            posix_spawn_file_actions_adddup2(&actions, given, Int32(wanted))
        }
        // Swift does not import posix_spawn_file_actions_addclosefrom_np(3). Closing what has been closed is no error.
        for name in try Files.names(in: "/proc/self/fd") {
            guard let descriptor = Int32(name), descriptor >= descriptors.count else { continue }
            posix_spawn_file_actions_addclose(&actions, descriptor)
        }

        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        var none = sigset_t()
        sigemptyset(&none)
        var all = sigset_t()
        sigfillset(&all)
        posix_spawnattr_setsigmask(&attributes, &none)
        posix_spawnattr_setsigdefault(&attributes, &all)
        var flags = POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF
        if group == .own {
            flags |= POSIX_SPAWN_SETPGROUP
            posix_spawnattr_setpgroup(&attributes, 0)
        }
        posix_spawnattr_setflags(&attributes, Int16(flags))

        var processID: pid_t = 0
        let code = Self.withCStrings([executable] + arguments) { arguments in
            Self.withCStrings(environment.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }) { environment in
                posix_spawn(&processID, executable, &actions, &attributes, arguments, environment)
            }
        }
        guard code == 0 else { throw SystemCallError("start \(executable)", code: code) }
        return processID
    }

    private static func withCStrings<Result>(
        _ texts: [String], _ body: ([UnsafeMutablePointer<CChar>?]) -> Result
    ) -> Result {
        let pointers = texts.map { strdup($0) }
        defer { for pointer in pointers { free(pointer) } }
        return body(pointers + [nil])
    }
}
