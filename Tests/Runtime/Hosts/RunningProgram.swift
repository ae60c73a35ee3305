import Glibc

/// A program of somebody else's, while a test needs it.
struct RunningProgram: Sendable {
    let process: pid_t

    /// - Parameters:
    ///   - environment: besides our own.
    ///   - output: the file that its standard output and error are appended to; nil for ours.
    init(_ arguments: [String], environment: [String: String] = [:], output: String? = nil) throws {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        if let output {
            posix_spawn_file_actions_addopen(&actions, 1, output, O_WRONLY | O_CREAT | O_APPEND, 0o644)
            posix_spawn_file_actions_adddup2(&actions, 1, 2)
        }
        // The threads that tests run on block signals, which the program would inherit.
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        var none = sigset_t()
        sigemptyset(&none)
        posix_spawnattr_setsigmask(&attributes, &none)
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK))
        var inherited: [UnsafeMutablePointer<CChar>?] = []
        var entry = environ
        while let text = entry.pointee {
            let name = String(cString: text).prefix { $0 != "=" }
            // What could change the answer: a proxy, or being taken for CGI.
            if environment[String(name)] == nil, !name.lowercased().hasSuffix("_proxy") {
                inherited.append(strdup(text))
            }
            entry += 1
        }
        var variables = inherited + environment.map { strdup("\($0.key)=\($0.value)") } + [nil]
        var pointers = arguments.map { strdup($0) } + [nil]
        defer { for pointer in pointers + variables { free(pointer) } }
        var process: pid_t = 0
        let result = posix_spawn(&process, arguments[0], &actions, &attributes, &pointers, &variables)
        guard result == 0 else { throw SystemFailure(call: "posix_spawn \(arguments[0])", code: result) }
        self.process = process
    }

    /// Asks it to end, and waits until it has.
    func end() async throws {
        kill(process, SIGTERM)
        try await eventually { hasEnded }
    }

    /// Whether it has ended; true once only.
    private var hasEnded: Bool {
        var status: CInt = 0
        return waitpid(process, &status, WNOHANG) == process
    }

    /// Waits until it has ended by itself.
    ///
    /// - Returns: its exit status; 128 and more for a signal.
    func exitStatus() async throws -> Int {
        var status: CInt = 0
        try await eventually { waitpid(process, &status, WNOHANG) == process }
        return status & 0x7F == 0 ? Int(status >> 8 & 0xFF) : 128 + Int(status & 0x7F)
    }
}

struct SystemFailure: Error {
    var call: String
    var code: CInt

    static func check(_ result: CInt, _ call: String) throws {
        guard result == 0 else { throw SystemFailure(call: call, code: errno) }
    }
}

func writeFile(_ text: String, to path: String) throws {
    guard let file = fopen(path, "w") else { throw SystemFailure(call: "fopen \(path)", code: errno) }
    fputs(text, file)
    try SystemFailure.check(fclose(file), "fclose \(path)")
}

/// Removes a file, or a directory with all that is in it.
func removeAll(_ path: String) {
    if let directory = opendir(path) {
        while let entry = readdir(directory) {
            let name = withUnsafeBytes(of: entry.pointee.d_name) {
                String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
            }
            if name != ".", name != ".." { removeAll(path + "/" + name) }
        }
        closedir(directory)
    }
    remove(path)
}
