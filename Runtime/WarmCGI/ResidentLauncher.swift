import CGlibc

/// Starts the server that is to answer from the next request on.
struct ResidentLauncher {
    /// After a start that led to nothing, none is tried again for so long, in seconds.
    static let pause = 5
    /// The descriptor that the server finds its lock at.
    static let lockDescriptor: Int32 = 3

    /// POSIX_SPAWN_SETSID of glibc's spawn.h, which shows it to C with _GNU_SOURCE only.
    private static let setsid: Int32 = 0x80

    let installation: Installation
    let directory: ResidentDirectory
    let environment: [NameValuePair]

    /// Starts the server unless somebody else has just done so. Does not wait for it.
    ///
    /// Whoever holds the lock is the server, or about to start it: the lock goes over with its descriptor and ends with
    /// the last process that has it, so nothing that died can hold it.
    func launch() {
        let lock = cglibc_openat(
            directory.descriptor, "\(installation.key).lock", O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0o600)
        guard lock >= 0 else { return System.complain("no lock: \(System.message(errno))") }
        // Not closed on any way out: this process becomes another program next, and its descriptors end there.
        guard flock(lock, LOCK_EX | LOCK_NB) == 0, isDue(lock) else { return }
        let code = spawn(lock)
        if code != 0 { System.complain("\(installation.executable) does not start: \(System.message(code))") }
    }

    /// Notes the attempt in the lock file: its one byte says that there was one, its time when.
    private func isDue(_ lock: Int32) -> Bool {
        var status = stat()
        // A server that left in good order has removed the file; what we hold then keeps nobody out.
        guard fstat(lock, &status) == 0, status.st_nlink > 0 else { return false }
        // A time to come is one that a clock set back has left.
        if status.st_size > 0, (0..<Self.pause).contains(time(nil) - status.st_mtim.tv_sec) { return false }
        var mark: UInt8 = 0x0A
        return pwrite(lock, &mark, 1, 0) == 1
    }

    private func spawn(_ lock: Int32) -> Int32 {
        let log = cglibc_openat(
            directory.descriptor, "log", O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0o600)
        guard log >= 0 else { return errno }
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        // Whatever the web server waits for the end of must not be held by a process that stays.
        posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
        posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0)
        posix_spawn_file_actions_adddup2(&actions, log, 2)
        posix_spawn_file_actions_adddup2(&actions, lock, Self.lockDescriptor)
        for descriptor in Self.openDescriptors() where descriptor > Self.lockDescriptor {
            posix_spawn_file_actions_addclose(&actions, descriptor)
        }
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        var signals = sigset_t()
        sigemptyset(&signals)
        posix_spawnattr_setsigmask(&attributes, &signals)
        sigfillset(&signals)
        posix_spawnattr_setsigdefault(&attributes, &signals)
        // A session of its own: no signal to the web server's group or terminal reaches it.
        let flags = POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | Self.setsid
        posix_spawnattr_setflags(&attributes, Int16(flags))
        let arguments = [
            installation.executable, "resident", "--socket", "\(directory.path)/\(installation.key).sock", "--lock",
            "\(Self.lockDescriptor)",
        ]
        var process: pid_t = 0
        return Self.withCStrings(arguments) { arguments in
            Self.withCStrings(environment.map { "\($0.name)=\($0.value)" }) { environment in
                posix_spawn(&process, installation.executable, &actions, &attributes, arguments, environment)
            }
        }
    }

    private static func openDescriptors() -> [Int32] {
        guard let directory = opendir("/proc/self/fd") else { return [] }
        defer { closedir(directory) }
        var descriptors: [Int32] = []
        while let entry = readdir(directory) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) { pointer in
                pointer.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if let descriptor = Int32(name) { descriptors.append(descriptor) }
        }
        return descriptors
    }

    private static func withCStrings<Result>(
        _ texts: [String], _ body: ([UnsafeMutablePointer<CChar>?]) -> Result
    ) -> Result {
        let pointers = texts.map { strdup($0) }
        defer { for pointer in pointers { free(pointer) } }
        return body(pointers + [nil])
    }
}
