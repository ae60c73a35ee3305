import Glibc
import PostgresClient
import Testing

@testable import DevHost

/// Debian's PgBouncer with the configuration that deploy/ ships, in front of the tests' cluster.
struct PgBouncer {
    static let path = "/usr/sbin/pgbouncer"
    static var isInstalled: Bool { access(path, X_OK) == 0 }

    /// Where the fixture's login role logs in, with its password.
    let url: String
    private let directory: String
    private let configuration: String
    private let process: ChildProcess

    /// A password that is only ever sent as SCRAM proofs.
    private static let password = "pgbouncer-test"

    static func with<Result>(_ fixture: Fixture, _ body: (PgBouncer) async throws -> Result) async throws -> Result {
        let directory = "/tmp/pgbouncer-\(String(UInt32.random(in: 0 ... .max), radix: 36))"
        try Files.createDirectory(directory, mode: 0o777)
        // PgBouncer refuses to run as root, and then so does the cluster.
        chmod(directory, 0o777)
        let configuration = "\(directory)/pgbouncer.ini"
        let result: Swift.Result<Result, any Error>
        do {
            try Files.write(try await self.configuration(fixture, directory), to: configuration, mode: 0o644)
            try Files.write(try await userList(fixture), to: "\(directory)/userlist.txt", mode: 0o644)
            let pgBouncer = try await start(directory, configuration)
            do {
                result = .success(try await body(pgBouncer))
            } catch {
                result = .failure(error)
            }
            await pgBouncer.stop()
        } catch {
            result = .failure(error)
        }
        try Files.remove(directory)
        return try result.get()
    }

    private static func start(_ directory: String, _ configuration: String) async throws -> PgBouncer {
        let account = geteuid() == 0 ? ["-u", "postgres"] : []
        let nothing = open("/dev/null", O_RDWR | O_CLOEXEC)
        defer { close(nothing) }
        let process = try ChildProcess.start(
            Command(path, ["-q"] + account + [configuration]), descriptors: [nothing, nothing, nothing])
        let url = "postgresql://pgtest_login:\(password)@/callwaiting?host=\(directory)&port=6432"
        let pgBouncer = PgBouncer(url: url, directory: directory, configuration: configuration, process: process)
        do {
            try await eventually("PgBouncer answers") {
                do throws(DatabaseError) {
                    let connection = try await PlainConnection(url, logger: quiet)
                    await connection.close()
                    return true
                } catch {
                    try #require(process.isRunning, "\(error.debugDescription)\n\(log(directory))")
                    return false
                }
            }
        } catch {
            await pgBouncer.stop()
            throw error
        }
        return pgBouncer
    }

    func stop() async {
        process.signal(SIGTERM)
        _ = await process.exitStatus
    }

    /// Ends this one at once, and starts another in its place.
    func killAndRestart() async throws -> PgBouncer {
        process.signal(SIGKILL)
        _ = await process.exitStatus
        return try await Self.start(directory, configuration)
    }

    private static func log(_ directory: String) -> String { (try? Files.read("\(directory)/pgbouncer.log")) ?? "" }

    /// The shipped file, with other places and a pool that is smaller than what the tests have.
    private static func configuration(_ fixture: Fixture, _ directory: String) async throws -> String {
        let repository = #filePath.split(separator: "/").dropLast(4).reduce("") { "\($0)/\($1)" }
        let shipped = try #require(try Files.read("\(repository)/deploy/pgbouncer/pgbouncer.ini"))
        let cluster = try await TestCluster.shared
        let database = try #require(fixture.url.split(separator: "?")[0].split(separator: "/").last)
        var text = shipped
        for (before, after) in [
            ("host=127.0.0.1 port=5432 dbname=callwaiting", "host=\(cluster.socketDirectory) dbname=\(database)"),
            ("unix_socket_dir = /var/run/postgresql", "unix_socket_dir = \(directory)"),
            ("auth_file = /etc/pgbouncer/userlist.txt", "auth_file = \(directory)/userlist.txt"),
            ("logfile = /var/log/postgresql/pgbouncer.log", "logfile = \(directory)/pgbouncer.log"),
            ("pidfile = /var/run/postgresql/pgbouncer.pid", "pidfile = \(directory)/pgbouncer.pid"),
            ("default_pool_size = 8", "default_pool_size = 2"), ("reserve_pool_size = 4", "reserve_pool_size = 0"),
        ] {
            try #require(text.contains(before), "the shipped file says \(before)")
            text.replace(before, with: after)
        }
        return text
    }

    private static func userList(_ fixture: Fixture) async throws -> String {
        let superuser = try await fixture.superuser()
        try await superuser.execute(
            "set password_encryption = 'scram-sha-256'; alter role pgtest_login password '\(password)'")
        let row = try await superuser.query(
            Statement("select rolpassword from pg_catalog.pg_authid where rolname = 'pgtest_login'")
        ).one()
        await superuser.close()
        return "\"pgtest_login\" \"\(try row.decode("rolpassword", as: String.self))\"\n"
    }
}
