import Glibc

/// A cluster's files: the data, and the server's log beside it.
struct PostgresDataDirectory: Sendable {
    /// Holds `data` and `postgres.log`.
    let root: String
    let account: PostgresAccount

    var path: String { "\(root)/data" }
    var log: String { "\(root)/postgres.log" }

    /// Major version of the cluster, nil while there is none.
    var version: String? {
        PostgresFiles.read("\(path)/PG_VERSION").map { String($0.prefix { !$0.isWhitespace }) }
    }

    /// What the server last wrote.
    var endOfLog: String { PostgresFiles.read(log, last: 4096) ?? "" }

    // MARK: Place

    static let fallback = "/var/lib/callwaiting-dev"

    /// The directory itself, or its substitute where the account cannot get at it.
    static func locate(for directory: String, account: PostgresAccount) async throws -> PostgresDataDirectory {
        try PostgresFiles.makeDirectory(directory)
        guard let absolute = PostgresFiles.resolve(directory) else {
            throw PostgresClusterError("cannot resolve \(directory): \(PostgresFiles.lastError)")
        }
        let wanted = PostgresDataDirectory(root: absolute, account: account)
        guard !account.prefix.isEmpty else { return wanted }
        // Only the account itself can tell: a directory above may be closed to it, or a file system may be.
        if try await PostgresChildProcess.run(account.prefix + ["/bin/sh", "-c", "test -x \"$1\"", "sh", absolute]).isSuccess {
            return wanted
        }
        let substitute = "\(fallback)/\(hash(of: absolute))"
        try PostgresFiles.makeDirectory(substitute)
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
        guard version == nil else { return }
        let making = "\(root)/data.new"
        PostgresFiles.remove(making)
        PostgresFiles.remove(path)
        try PostgresFiles.makeDirectory(making)
        try account.own(making)
        let ending = try await PostgresChildProcess.run(
            account.prefix + [
                binaries.initdb, "-D", making, "-U", "postgres", "--auth-local=trust", "--auth-host=reject",
                "--encoding=UTF8", "--locale=\(Self.locale)", "--no-instructions",
            ] + (durable ? [] : ["--no-sync"]), log: log)
        guard ending.isSuccess else { throw PostgresClusterError("initdb failed:\n\(endOfLog)") }
        guard rename(making, path) == 0 else {
            throw PostgresClusterError("cannot rename \(making): \(PostgresFiles.lastError)")
        }
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

    var pidFile: PIDFile? { PIDFile(PostgresFiles.read("\(path)/postmaster.pid")) }

    /// Ends a server that a killed process has left running here, and removes its socket directory.
    func endPredecessor(within limit: Duration) async throws {
        guard let file = pidFile else { return }
        if let process = file.process {
            // Its watcher may be at it already; then the first signals only repeat what was said.
            for (signal, patience) in [(0, Duration.seconds(1)), (SIGINT, limit), (SIGQUIT, .seconds(10))] {
                guard isServer(process) else { break }
                kill(process, signal)
                let deadline = ContinuousClock.now + patience
                while isServer(process), ContinuousClock.now < deadline {
                    await PostgresCluster.pause(.milliseconds(20))
                }
            }
            guard !isServer(process) else {
                throw PostgresClusterError("a Postgres of an earlier run (process \(process)) does not end")
            }
        }
        if let sockets = file.socketDirectory, sockets.hasPrefix(PostgresAccount.socketPrefix) {
            PostgresFiles.remove(sockets)
        }
    }

    /// True when the process lives and works in our data directory, as a postmaster does; ids are used again.
    private func isServer(_ process: pid_t) -> Bool {
        guard kill(process, 0) == 0, let place = PostgresFiles.resolve("/proc/\(process)/cwd") else { return false }
        return place == PostgresFiles.resolve(path)
    }
}
