import DevHost
import Glibc
import Testing

/// The units, by systemd's own tools. Skipped where they are not installed, but not in CI.
@Suite(.enabled(if: access("/usr/bin/systemd-analyze", X_OK) == 0 || getenv("CI") != nil, "systemd is not installed"))
struct SystemdTests {
    /// The most that `systemd-analyze security` may hold against a service, of 10: less than 2 is its "OK".
    private static let exposure = 1.5

    private func withUnits(_ body: (Installation, [String]) async throws -> Void) async throws {
        try await withTemporaryDirectory { directory in
            let installation = try Installation(in: directory)
            try await installation.run()
            // The one program of the system's that a unit calls; systemd asks whether it is there.
            try Files.createDirectory(installation.path("/bin"), mode: 0o755)
            try Files.write("", to: installation.path("/bin/kill"), mode: 0o755)
            let units = try Files.names(in: installation.path("/usr/local/lib/systemd/system"))
                .filter { $0.hasSuffix(".service") || $0.hasSuffix(".socket") || $0.hasSuffix(".timer") }
            try #require(units.count >= 8)
            try await body(installation, units)
        }
    }

    @Test("systemd finds nothing wrong with any unit")
    func verify() async throws {
        try await withUnits { installation, units in
            let run = try await Command(
                "/usr/bin/systemd-analyze",
                ["verify", "--root=\(installation.root)", "--man=no", "--recursive-errors=no"] + units,
                environment: Command.plainEnvironment()
            ).output()
            #expect(run.status.isSuccess, "\(run.text)")
            // Some mistakes, an unknown key among them, are only warnings.
            for line in run.text.split(separator: "\n") { #expect(!line.contains("callwaiting"), "\(line)") }
        }
    }

    @Test("every service is sandboxed, as systemd judges it")
    func security() async throws {
        try await withUnits { installation, units in
            for unit in units where unit.hasSuffix(".service") {
                let run = try await Command(
                    "/usr/bin/systemd-analyze",
                    ["security", "--offline=yes", "--no-pager", "--root=\(installation.root)", unit],
                    environment: Command.plainEnvironment()
                ).output()
                let level = try #require(run.text.firstMatch(of: /exposure level for \S+: ([0-9.]+)/), "\(run.text)")
                #expect(try #require(Double(level.output.1)) <= Self.exposure, "\(unit): \(run.text)")
            }
        }
    }

    @Test("users and directories are made as sysusers.d and tmpfiles.d say")
    func users() async throws {
        try await withUnits { installation, _ in
            try Files.createDirectory(installation.path("/etc"), mode: 0o755)
            let users = try await Command(
                "/usr/bin/systemd-sysusers", ["--root=\(installation.root)", "callwaiting.conf"],
                environment: Command.plainEnvironment()
            ).output()
            #expect(users.status.isSuccess, "\(users.text)")
            let names = try installation.read("/etc/passwd").split(separator: "\n").compactMap {
                $0.split(separator: ":").first
            }
            #expect(names == ["callwaiting", "callwaiting_owner"])
            // Giving files to others is root's.
            guard geteuid() == 0 else { return }
            let directories = try await Command(
                "/usr/bin/systemd-tmpfiles", ["--create", "--root=\(installation.root)", "callwaiting.conf"],
                environment: Command.plainEnvironment()
            ).output()
            #expect(directories.status.isSuccess, "\(directories.text)")
            var status = stat()
            #expect(stat(installation.path("/var/lib/callwaiting/audio"), &status) == 0)
            #expect(status.st_mode & 0o777 == 0o750 && status.st_uid != 0)
            #expect(stat(installation.path("/etc/callwaiting/callwaiting.env"), &status) == 0)
            #expect(status.st_mode & 0o777 == 0o640 && status.st_uid == 0 && status.st_gid != 0)
        }
    }
}
