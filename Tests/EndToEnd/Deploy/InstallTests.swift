import DevHost
import Glibc
import Testing

@testable import callwaiting

/// `deploy/install`: what it puts in place, what it leaves alone, and that it takes away no more and no less.
@Suite struct InstallTests {
    @Test("the built program runs from where it is installed, with a link for each function")
    func program() async throws {
        try await withTemporaryDirectory { directory in
            let installation = try Installation(in: directory, program: nil)
            try await installation.run()
            let listed = try await Command(installation.path("/usr/local/bin/callwaiting"), ["functions"]).output()
            #expect(listed.status.isSuccess)
            #expect(listed.text.contains("create-agent"))
            let cgi = installation.path("/usr/local/libexec/callwaiting/cgi-bin")
            let names = Set(try Files.names(in: cgi))
            #expect(names == Set(Catalogue.entries.map(\.name.rawValue) + ["callwaiting"]))
            for name in names { #expect(access("\(cgi)/\(name)", X_OK) == 0, "\(name) leads to a program") }
            #expect(try installation.read("/usr/local/share/callwaiting/VERSION") == "1.0\n")
            #expect(Files.exists(installation.path("/usr/local/share/callwaiting/sql/roles.sql")))
            let executable = try #require(realpath(installation.path("/usr/local/bin/callwaiting"), nil))
            defer { free(executable) }
            let sql = try MigrationSource.directory(
                option: nil, setting: nil, executable: String(cString: executable))
            #expect(try !MigrationSource(directory: sql).migrations.isEmpty, "migrate finds its SQL by itself")
        }
    }

    @Test("removing leaves nothing that was not there, and everything that was")
    func uninstall() async throws {
        try await withTemporaryDirectory { directory in
            let installation = try Installation(in: directory)
            try Files.createDirectory(installation.path("/usr/local/bin"), mode: 0o755)
            try Files.createDirectory(installation.path("/etc/logrotate.d"), mode: 0o755)
            try Files.write("mine", to: installation.path("/usr/local/bin/other"), mode: 0o755)
            let before = try installation.everything()
            try await installation.run()
            try await installation.run(environment: ["VERSION": "1.1"])
            #expect(try installation.everything().count > before.count + 40)
            try await installation.run("--uninstall")
            #expect(try installation.everything() == before)
        }
    }

    @Test("an operator's settings and secrets are neither overwritten nor removed")
    func settings() async throws {
        try await withTemporaryDirectory { directory in
            let installation = try Installation(in: directory)
            try await installation.run()
            let (file, secret) = ("/etc/callwaiting/callwaiting.env", "/etc/callwaiting/credentials/OPENAI_API_KEY")
            var status = stat()
            #expect(stat(installation.path(file), &status) == 0 && status.st_mode & 0o777 == 0o640)
            #expect(stat(installation.path("/etc/callwaiting/credentials"), &status) == 0)
            #expect(status.st_mode & 0o777 == 0o700)

            try Files.write("PUBLIC_URL=https://mine.example\n", to: installation.path(file), mode: 0o640)
            try Files.write("sk-mine", to: installation.path(secret), mode: 0o600)
            let said = try await installation.run(environment: ["VERSION": "1.1"])
            #expect(said.contains("\(file) is yours and stays"))
            #expect(try installation.read(file) == "PUBLIC_URL=https://mine.example\n")
            #expect(try installation.read(file + ".new").contains("DATABASE_URL="))
            try await installation.run("--uninstall")
            #expect(
                try installation.everything()
                    == [
                        "/etc/", "/etc/callwaiting/", file, "/etc/callwaiting/credentials/", secret,
                    ].sorted())
        }
    }

    @Test("settings that nobody has changed follow the release")
    func untouchedSettings() async throws {
        try await withTemporaryDirectory { directory in
            let installation = try Installation(in: directory)
            try await installation.run()
            let file = "/etc/callwaiting/callwaiting.env"
            let shipped = try installation.read(file)
            // As an earlier release would have left it: other words, and the manifest knows them.
            let manifest = try installation.read("/usr/local/lib/callwaiting/manifest")
            try Files.write("# old\n", to: installation.path(file), mode: 0o640)
            let sum = try await Command("/usr/bin/sha256sum", [installation.path(file)]).output().text.prefix(64)
            let lines = manifest.split(separator: "\n").map {
                $0.hasSuffix(" \(file)") ? "setting \(sum) \(file)" : String($0)
            }
            try Files.write(
                lines.joined(separator: "\n") + "\n", to: installation.path("/usr/local/lib/callwaiting/manifest"),
                mode: 0o644)
            try await installation.run()
            #expect(try installation.read(file) == shipped)
            #expect(!Files.exists(installation.path(file + ".new")))
        }
    }

    @Test("a release can be gone back on and forth again, and the oldest leave")
    func releases() async throws {
        try await withTemporaryDirectory { directory in
            let installation = try Installation(in: directory)
            for number in 1...4 {
                try installation.setProgram("release \(number)")
                try await installation.run(environment: ["VERSION": "1.\(number)", "KEEP": "3"])
            }
            #expect(try await installation.run("--releases") == "1.4 (current)\n1.3 (previous)\n1.2\n")
            let program = "/usr/local/bin/callwaiting"
            #expect(try installation.read(program).contains("release 4"))
            try await installation.run("--back-out")
            #expect(try installation.read(program).contains("release 3"))
            #expect(try installation.read("/usr/local/share/callwaiting/VERSION") == "1.3\n")
            try await installation.run("--back-out")
            #expect(try installation.read(program).contains("release 4"))
            try await installation.run("--back-out", "1.2")
            #expect(try installation.read(program).contains("release 2"))
            #expect(try await !installation.attempt(["--back-out", "9"]).status.isSuccess)
            // The installed copy goes back by itself, where there is no checkout.
            let copy = try await Command(
                installation.path("/usr/local/lib/callwaiting/install"), ["--back-out"],
                environment: Command.plainEnvironment().merging(["DESTDIR": installation.root]) { $1 }
            ).output()
            #expect(copy.status.isSuccess, "\(copy.text)")
            #expect(try installation.read(program).contains("release 4"))
        }
    }

    @Test("the same version with other contents is another release, and with the same contents none")
    func sameVersion() async throws {
        try await withTemporaryDirectory { directory in
            let installation = try Installation(in: directory)
            try await installation.run()
            try await installation.run()
            #expect(try await installation.run("--releases") == "1.0 (current)\n")
            try installation.setProgram("a developer's change")
            try await installation.run()
            #expect(try await installation.run("--releases") == "1.0.2 (current)\n1.0 (previous)\n")
        }
    }

    @Test("under another prefix every file names that prefix")
    func prefix() async throws {
        try await withTemporaryDirectory { directory in
            let installation = try Installation(in: directory)
            try await installation.run(environment: ["PREFIX": "/opt/voice", "SYSCONFDIR": "/opt/voice/etc"])
            let unit = try installation.read("/opt/voice/etc/systemd/system/callwaiting.service")
            #expect(unit.contains("ExecStart=/opt/voice/bin/callwaiting fastcgi"))
            #expect(unit.contains("LoadCredential=callwaiting:/opt/voice/etc/callwaiting/credentials"))
            for path in try installation.everything() where !path.hasSuffix("/") {
                #expect(path.hasPrefix("/opt/voice/"))
                guard path.contains("/systemd/") || path.contains("/examples/") else { continue }
                #expect(try !installation.read(path).contains("/usr/local/"), "\(path)")
            }
            try await installation.run(
                "--uninstall", environment: ["PREFIX": "/opt/voice", "SYSCONFDIR": "/opt/voice/etc"])
            #expect(try installation.everything().isEmpty)
        }
    }

    @Test("a version that could leave the releases' directory, a relative prefix and a missing build are refused")
    func refusals() async throws {
        try await withTemporaryDirectory { directory in
            let installation = try Installation(in: directory)
            for wrong in [
                ["VERSION": "../../etc"], ["VERSION": ".hidden"], ["PREFIX": "usr"], ["BUILD": "/nonexistent"],
            ] {
                #expect(try await !installation.attempt([], wrong).status.isSuccess, "\(wrong)")
            }
            #expect(!Files.exists(installation.path("/usr/local/bin/callwaiting")))
        }
    }

    @Test("a packed release installs where there is no repository")
    func pack() async throws {
        try await withTemporaryDirectory { directory in
            let installation = try Installation(in: directory)
            try await installation.run("--pack", directory)
            let unpacked = try await Command(
                "/bin/tar", ["-xzf", "\(directory)/callwaiting-1.0.tar.gz", "-C", directory],
                environment: Command.plainEnvironment()
            ).output()
            #expect(unpacked.status.isSuccess, "\(unpacked.text)")
            let run = try await Command(
                "\(directory)/callwaiting-1.0/deploy/install", [],
                environment: Command.plainEnvironment().merging(["DESTDIR": installation.root]) { $1 }
            ).output()
            #expect(run.status.isSuccess, "\(run.text)")
            #expect(try installation.read("/usr/local/share/callwaiting/VERSION") == "1.0\n")
        }
    }
}
