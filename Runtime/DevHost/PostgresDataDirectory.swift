import Glibc

/// A cluster's files: the data, and the server's log beside it.
struct PostgresDataDirectory: Sendable {
    /// Absolute. Holds `data` and `postgres.log`.
    let root: String
    let account: PostgresAccount

    var path: String { "\(root)/data" }
    var log: String { "\(root)/postgres.log" }

    /// Major version of the cluster, nil while there is none.
    var version: String? {
        get throws { try Files.read("\(path)/PG_VERSION").map { String($0.prefix { !$0.isWhitespace }) } }
    }

    /// What the server last wrote, for a person to read.
    var endOfLog: String {
        guard let text = try? Files.read(log) else { return "(no log at \(log))" }
        return text.split(separator: "\n").suffix(12).joined(separator: "\n")
    }

    // MARK: Place

    static let fallback = "/var/lib/callwaiting-dev"

    /// The directory itself, or its substitute where the account cannot get at it.
    static func locate(for directory: String, account: PostgresAccount) async throws -> PostgresDataDirectory {
        let directory = Files.absolute(directory)
        try Files.createDirectory(directory, mode: 0o755)
        let wanted = PostgresDataDirectory(root: directory, account: account)
        // Only the account itself can tell: a directory above may be closed to it, or a file system may be.
        let canEnter = account.command("/bin/sh", ["-c", "test -x \"$1\"", "sh", directory])
        if try await wanted.run(canEnter, log: "/dev/null").isSuccess { return wanted }
        let substitute = "\(fallback)/\(hash(of: directory))"
        try Files.createDirectory(substitute, mode: 0o755)
        return PostgresDataDirectory(root: substitute, account: account)
    }

    /// FNV-1a, 64 bits, in hexadecimal: names a directory, protects nothing.
    static func hash(of path: String) -> String {
        let hash = path.utf8.reduce(0xcbf2_9ce4_8422_2325 as UInt64) { ($0 ^ UInt64($1)) &* 0x100_0000_01b3 }
        let digits = String(hash, radix: 16)
        return String(repeating: "0", count: 16 - digits.count) + digits
    }

    // MARK: Creation

    /// Creates the cluster unless it is there. Done beside and renamed, so that half a cluster is never taken for one.
    func create(binaries: PostgresBinaries, durable: Bool) async throws {
        guard try version == nil else { return }
        let making = "\(root)/data.new"
        try Files.remove(making)
        try Files.remove(path)
        try Files.createDirectory(making, mode: 0o700)
        try account.own(making)
        let initdb = account.command(
            binaries.initdb,
            [
                "-D", making, "-U", "postgres", "--auth-local=trust", "--auth-host=reject", "--encoding=UTF8",
                "--locale=\(Self.locale)", "--no-instructions",
            ] + (durable ? [] : ["--no-sync"]))
        guard try await run(initdb, log: log).isSuccess else {
            throw PostgresClusterError("initdb failed:\n\(endOfLog)")
        }
        try SystemCallError.check("rename \(making)", rename(making, path))
    }

    private func run(_ command: Command, log: String) async throws(SystemCallError) -> Termination {
        let null = try PostgresProcess.open("/dev/null", O_RDONLY)
        defer { close(null) }
        let output = try PostgresProcess.open(log, O_WRONLY | O_CREAT | O_APPEND)
        defer { close(output) }
        return await (try ChildProcess.start(command, descriptors: [null, output, output])).exitStatus
    }

    /// Sorts by code point, and upper-cases all of Unicode where the system has that.
    private static var locale: String {
        guard let utf8 = newlocale(1 << LC_CTYPE, "C.UTF-8", nil) else { return "C" }
        freelocale(utf8)
        return "C.UTF-8"
    }

    // MARK: Predecessors

    /// `postmaster.pid`: process id, data directory, start time, port, socket directory, address, memory key, status.
    /// (PostgreSQL source, `src/include/utils/pidfile.h`.)
    struct PIDFile: Equatable {
        let lines: [String]

        init?(_ text: String?) {
            guard let text else { return nil }
            lines = text.split(separator: "\n", omittingEmptySubsequences: false).map {
                String($0.prefix { $0 != " " && $0 != "\r" })
            }
        }

        var process: pid_t? { lines.first.flatMap { pid_t($0) }.map { abs($0) } }
        var socketDirectory: String? { lines.count > 4 ? lines[4] : nil }
        var isReady: Bool { lines.count > 7 && lines[7] == "ready" }

        /// True for a file that the same postmaster wrote, at whatever stage.
        func isSameServer(as other: PIDFile) -> Bool {
            lines.prefix(3) == other.lines.prefix(3)
        }
    }

    var pidFile: PIDFile? {
        get throws(SystemCallError) { PIDFile(try Files.read("\(path)/postmaster.pid")) }
    }

    /// Ends a server that a killed process has left running here, waits for all of its processes, and removes its pid
    /// file and its socket directory.
    func endPredecessor(within limit: Duration) async throws {
        guard let file = try pidFile else { return }
        // Its watcher may be at it already, or its postmaster dead and the others about to notice.
        for (signal, patience) in [(0, Duration.seconds(1)), (SIGINT, limit), (SIGQUIT, .seconds(10))] {
            guard let place = Files.resolved(path), try !processes(in: place).isEmpty else { break }
            if let server = file.process, Files.resolved("/proc/\(server)/cwd") == place { kill(server, signal) }
            let deadline = ContinuousClock.now + patience
            while try !processes(in: place).isEmpty, ContinuousClock.now < deadline {
                await PostgresCluster.pause(.milliseconds(20))
            }
        }
        guard try Files.resolved(path).map(processes(in:))?.isEmpty ?? true else {
            throw PostgresClusterError("a Postgres of an earlier run still works in \(path)")
        }
        // Nothing works on the data any more, so the file only stands in the way, as does a process that took over its
        // number.
        try Files.remove("\(path)/postmaster.pid")
        if let sockets = file.socketDirectory, sockets.hasPrefix(PostgresAccount.socketPrefix) {
            try Files.remove(sockets)
        }
    }

    /// Who works in a directory: a postmaster and all its children do in their data directory. The dead do not.
    private func processes(in place: String) throws(SystemCallError) -> [pid_t] {
        try Files.names(in: "/proc").compactMap { pid_t($0) }.filter { Files.resolved("/proc/\($0)/cwd") == place }
    }
}
