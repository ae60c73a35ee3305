import Glibc

/// The program that this process runs, so that it can be started anew with what has been installed since.
public struct Program: Sendable, Hashable {
    /// Absolute, as it was called: a symbolic link in it is followed anew each time, so that `current -> release-2` counts.
    public let path: String
    /// All of them, the program's own name first.
    public let arguments: [String]

    public init(path: String, arguments: [String]) {
        self.path = path
        self.arguments = arguments
    }

    /// The running one. To be called before anything changes the working directory.
    public static func running(_ arguments: [String] = CommandLine.arguments) -> Program {
        let image = link("/proc/self/exe")
        let called = arguments.first.flatMap(calledPath)
        // A caller may name a program as it likes; only a path that leads to this one is believed.
        let path = called.flatMap { isSame($0, "/proc/self/exe") ? $0 : nil } ?? image ?? arguments.first ?? ""
        return Program(path: path, arguments: arguments)
    }

    /// The absolute path of a program called by `name`, as execvp(3) finds it.
    private static func calledPath(_ name: String) -> String? {
        if name.hasPrefix("/") { return name }
        if name.utf8.contains(UInt8(ascii: "/")) {
            return workingDirectory.map { "\($0)/\(name.hasPrefix("./") ? String(name.dropFirst(2)) : name)" }
        }
        let directories = InheritedSockets.environment("PATH")?.split(separator: ":") ?? []
        return directories.lazy.map { "\($0)/\(name)" }.first { $0.hasPrefix("/") && access($0, X_OK) == 0 }
    }

    private static var workingDirectory: String? {
        guard let path = getcwd(nil, 0) else { return nil }
        defer { free(path) }
        return String(cString: path)
    }

    private static func link(_ path: String) -> String? {
        var buffer = [UInt8](repeating: 0, count: Int(PATH_MAX))
        let length = buffer.withUnsafeMutableBytes { buffer in
            buffer.baseAddress.map { readlink(path, $0, buffer.count) } ?? -1
        }
        return length > 0 ? String(decoding: buffer[..<length], as: UTF8.self) : nil
    }

    private static func isSame(_ first: String, _ second: String) -> Bool {
        var (one, other) = (stat(), stat())
        return stat(first, &one) == 0 && stat(second, &other) == 0 && one.st_dev == other.st_dev
            && one.st_ino == other.st_ino
    }

    // MARK: Starting it

    /// Starts it as a child of this process, in its process group, with descriptors 0 to 2 and `keeping`, which keep
    /// their numbers, and no others.
    ///
    /// - Returns: its process id. Reaping it is up to the caller.
    /// - Throws: ``ServerError/system(call:on:errno:)``.
    func start(environment: [String: String], keeping descriptors: [CInt]) throws(ServerError) -> pid_t {
        Self.closeOnExec()
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        // Onto itself, that clears the flag that would close it (posix_spawn(3), since glibc 2.29).
        for descriptor in descriptors { posix_spawn_file_actions_adddup2(&actions, descriptor, descriptor) }
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        var none = sigset_t()
        sigemptyset(&none)
        posix_spawnattr_setsigmask(&attributes, &none)
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK))
        var process: pid_t = 0
        let code = Self.withCStrings(arguments) { arguments in
            Self.withCStrings(Self.lines(environment)) { environment in
                posix_spawn(&process, path, &actions, &attributes, arguments, environment)
            }
        }
        guard code == 0 else { throw .system(call: "start", on: path, errno: code) }
        return process
    }

    /// Turns this process into it. All threads end; descriptors 0 to 2 and `keeping` stay open.
    ///
    /// - Returns: what was wrong, when it could not be.
    func replaceProcess(environment: [String: String], keeping descriptors: [CInt]) -> ServerError {
        Self.closeOnExec()
        for descriptor in descriptors { _ = fcntl(descriptor, F_SETFD, 0) }
        let code = Self.withCStrings(arguments) { arguments in
            Self.withCStrings(Self.lines(environment)) { environment in
                execve(path, arguments, environment)
                return errno
            }
        }
        for descriptor in descriptors { _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC) }
        return .system(call: "execute", on: path, errno: code)
    }

    /// Not every library opens its descriptors so that they close by themselves.
    private static func closeOnExec() {
        guard let directory = opendir("/proc/self/fd") else { return }
        defer { closedir(directory) }
        while let entry = readdir(directory) {
            let name = withUnsafeBytes(of: entry.pointee.d_name) {
                String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
            }
            if let descriptor = CInt(name), descriptor > 2 { _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC) }
        }
    }

    /// This process's environment.
    public static var environment: [String: String] {
        var variables: [String: String] = [:]
        var entry = environ
        while let text = entry.pointee {
            let parts = String(cString: text).split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            if parts.count == 2 { variables[String(parts[0])] = String(parts[1]) }
            entry += 1
        }
        return variables
    }

    private static func lines(_ environment: [String: String]) -> [String] {
        environment.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }
    }

    private static func withCStrings<Result>(
        _ texts: [String], _ body: ([UnsafeMutablePointer<CChar>?]) -> Result
    ) -> Result {
        let pointers = texts.map { strdup($0) }
        defer { for pointer in pointers { free(pointer) } }
        return body(pointers + [nil])
    }
}
