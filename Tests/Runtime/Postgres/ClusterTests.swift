import DevHost
import Glibc
import PostgresClient
import Testing

/// The embedded cluster, and everything that can be killed around it.
@Suite struct ClusterTests {
    private let directory = "/tmp/pgtest-\(UInt32.random(in: 0 ... .max))"

    private func start() async throws -> PostgresCluster {
        try await PostgresCluster.start(in: directory, options: .temporary, logger: quiet)
    }

    /// The server's process id and its watcher's.
    private func processes(of cluster: PostgresCluster) throws -> (server: pid_t, watcher: pid_t) {
        let file = try #require(try Files.read("\(cluster.dataDirectory)/postmaster.pid"))
        let server = try #require(pid_t(file.prefix { $0 != "\n" }))
        let stat = try #require(try Files.read("/proc/\(server)/stat"))
        let fields = stat[try #require(stat.lastIndex(of: ")"))...].split(separator: " ")
        return (server, try #require(pid_t(fields[2])))
    }

    /// True also while nobody has asked for its exit status: a dead process has no current directory.
    private func hasEnded(_ process: pid_t) -> Bool {
        guard let text = realpath("/proc/\(process)/cwd", nil) else { return true }
        free(text)
        return false
    }

    private func answers(_ cluster: PostgresCluster) async throws -> Bool {
        let connection = try await PlainConnection(cluster.databaseURL, logger: quiet)
        let rows = try await connection.query(Statement("select 1"))
        await connection.close()
        return rows.count == 1
    }

    @Test func stoppingLeavesNoProcessNoSocketAndKeepsTheData() async throws {
        let first = try await start()
        let processes = try processes(of: first)
        let connection = try await PlainConnection(first.databaseURL, logger: quiet)
        try await connection.execute("create table kept ()")
        await connection.close()
        try await first.stop()
        try await first.stop()
        #expect(!first.isRunning)
        #expect(hasEnded(processes.server))
        #expect(hasEnded(processes.watcher))
        #expect(!Files.exists(first.socketDirectory))

        let second = try await start()
        let again = try await PlainConnection(second.databaseURL, logger: quiet)
        #expect(try await again.query(Statement("select from kept")).isEmpty)
        await again.close()
        try await second.stop()
        try await PostgresCluster.remove(directory, logger: quiet)
        #expect(!Files.exists(second.dataDirectory))
    }

    @Test func nothingListensOnTheNetworkAndStrangersCannotEnter() async throws {
        let cluster = try await TestCluster.shared
        let connection = try await PlainConnection(cluster.databaseURL, logger: quiet)
        let row = try await connection.query(
            Statement(
                """
                select current_setting('listen_addresses') as addresses, current_setting('server_encoding') as encoding
                """)
        ).one()
        await connection.close()
        #expect(try row.decode("addresses") == "")
        #expect(try row.decode("encoding") == "UTF8")
        var status = stat()
        #expect(stat(cluster.socketDirectory, &status) == 0)
        #expect(status.st_mode & 0o777 == 0o700)
    }

    @Test(arguments: ["server", "watcher", "both"])
    func itStartsAgainAfterAKill(of victim: String) async throws {
        let first = try await start()
        let processes = try processes(of: first)
        if victim != "server" { kill(processes.watcher, SIGKILL) }
        if victim != "watcher" { kill(processes.server, SIGKILL) }
        try await eventually("its end is noticed") { !first.isRunning }
        let second = try await start()
        #expect(try await answers(second))
        #expect(hasEnded(processes.server))
        #expect(!Files.exists(first.socketDirectory))
        try await second.stop()
        try await first.stop()
        try await PostgresCluster.remove(directory, logger: quiet)
    }

    @Test func itEndsWithASupervisorThatIsKilled() async throws {
        let note = "\(directory)-note"
        await #expect(processExitsWith: .signal(SIGKILL)) { [directory = directory as String, note = note as String] in
            let cluster = try await PostgresCluster.start(in: directory, options: .temporary, logger: quiet)
            try Files.write("\(cluster.socketDirectory)\n\(cluster.dataDirectory)", to: note, mode: 0o600)
            kill(getpid(), SIGKILL)
        }
        let lines = try #require(try Files.read(note)).split(separator: "\n").map(String.init)
        try Files.remove(note)
        try await eventually("the server has ended and its socket directory has gone") {
            !Files.exists("\(lines[1])/postmaster.pid") && !Files.exists(lines[0])
        }
        let again = try await start()
        #expect(try await answers(again))
        try await again.stop()
        try await PostgresCluster.remove(directory, logger: quiet)
    }

    @Test func halfACreatedClusterIsMadeAnew() async throws {
        try Files.createDirectory("\(directory)/data.new/base", mode: 0o755)
        let cluster = try await start()
        #expect(try await answers(cluster))
        try await cluster.stop()
        try await PostgresCluster.remove(directory, logger: quiet)
    }

    @Test func aDirectoryThatThePostgresUserCannotEnterHasItsDataElsewhere() async throws {
        guard geteuid() == 0 else { return withKnownIssue("needs root", isIntermittent: true) {} }
        let closed = "\(directory)-closed"
        try Files.createDirectory(closed, mode: 0o700)
        let cluster = try await PostgresCluster.start(in: "\(closed)/inside", options: .temporary, logger: quiet)
        #expect(cluster.dataDirectory.hasPrefix("/var/lib/callwaiting-dev/"))
        #expect(try await answers(cluster))
        try await cluster.stop()
        #expect(Files.exists(cluster.dataDirectory))
        try await PostgresCluster.remove("\(closed)/inside", logger: quiet)
        #expect(!Files.exists(cluster.dataDirectory))
        try Files.remove(closed)
    }
}
