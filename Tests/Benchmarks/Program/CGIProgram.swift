import Glibc

/// A CGI program and what a web server would start it with, to be timed from before it exists until it has been reaped.
struct CGIProgram {
    let name: String
    let executable: String
    var arguments: [String] = []
    /// Besides the request itself.
    var environment: [String: String] = [:]

    struct Run {
        /// From posix_spawn(3) to the end of wait4(2), in milliseconds.
        var milliseconds: Double
        /// User and system time of the process and of its children that it waited for, in microseconds.
        var cpu: Double
        var output: String
    }

    /// The longest output that is taken, in bytes; an answer here has a few hundred.
    private static let outputLimit = 65_536

    /// Runs it once.
    ///
    /// - Throws: ``BenchError`` when it cannot be started or does not end well.
    func run() throws -> Run {
        var ends: [Int32] = [0, 0]
        guard pipe(&ends) == 0 else { throw BenchError("pipe: \(String(cString: strerror(errno)))") }
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        defer { close(ends[0]) }
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
        posix_spawn_file_actions_adddup2(&actions, ends[1], 1)
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        var none = sigset_t()
        sigemptyset(&none)
        posix_spawnattr_setsigmask(&attributes, &none)
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK))

        let words = ([executable] + arguments).map { strdup($0) } + [nil]
        let variables = environment.map { strdup("\($0.key)=\($0.value)") } + [nil]
        defer { for pointer in words + variables { free(pointer) } }

        var process: pid_t = 0
        let begun = ContinuousClock.now
        let code = posix_spawn(&process, executable, &actions, &attributes, words, variables)
        close(ends[1])
        guard code == 0 else { throw BenchError("cannot start \(executable): \(String(cString: strerror(code)))") }
        let output = Self.read(ends[0])
        var status: Int32 = 0
        var usage = rusage()
        while wait4(process, &status, 0, &usage) == -1, errno == EINTR {}
        let time = ContinuousClock.now - begun
        guard status == 0 else { throw BenchError("\(name) ended with wait status \(status):\n\(output)") }
        return Run(
            milliseconds: time / .milliseconds(1), cpu: usage.ru_utime.microseconds + usage.ru_stime.microseconds,
            output: output)
    }

    /// Everything until the other end is closed, as a web server reads it.
    private static func read(_ descriptor: Int32) -> String {
        var bytes = [UInt8](repeating: 0, count: outputLimit)
        var count = 0
        while count < bytes.count {
            let result = bytes.withUnsafeMutableBytes { buffer in
                Glibc.read(descriptor, buffer.baseAddress?.advanced(by: count), buffer.count - count)
            }
            if result == -1, errno == EINTR { continue }
            guard result > 0 else { break }
            count += result
        }
        return String(decoding: bytes[..<count], as: UTF8.self)
    }
}

extension timeval {
    fileprivate var microseconds: Double { Double(tv_sec) * 1_000_000 + Double(tv_usec) }
}
