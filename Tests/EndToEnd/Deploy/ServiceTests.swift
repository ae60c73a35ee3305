import DevHost
import Glibc
import Testing

@testable import callwaiting

extension EndToEnd {
    /// callwaiting.service's command line, in the environment that systemd would give it.
    @Suite(.enabled(if: access("/usr/bin/systemd-socket-activate", X_OK) == 0 || getenv("CI") != nil))
    struct ServiceTests {
        /// What `systemctl cat` would show of a unit: keys in order, as often as they come.
        private func unit(_ name: String) throws -> [(key: String, value: String)] {
            let text = try #require(try Files.read("\(TestBed.repository)/deploy/systemd/\(name)"))
            return text.split(separator: "\n").filter { !$0.hasPrefix("#") && !$0.hasPrefix("[") }.map { line in
                let parts = line.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
                return (String(parts[0]), parts.count > 1 ? String(parts[1]) : "")
            }
        }

        /// Settings as an operator who follows deploy/README.md has them: a file of those that are no secrets, and a
        /// directory of those that are, under the names that `LoadCredential=callwaiting:DIRECTORY` gives them.
        private func write(_ settings: [String: String], in directory: String) throws {
            let secrets = Set(Setting.all.filter(\.isSecret).map(\.name))
            try Files.createDirectory("\(directory)/credentials", mode: 0o700)
            var lines = ""
            for (name, value) in settings {
                if secrets.contains(name) {
                    try Files.write(
                        value + "\n", to: "\(directory)/credentials/callwaiting_\(name)", mode: 0o400)
                } else {
                    lines += "\(name)=\(value)\n"
                }
            }
            try Files.write(lines, to: "\(directory)/callwaiting.env", mode: 0o640)
        }

        /// Starts the service's command line with its socket, its settings and a service manager that listens.
        private func start(
            _ bed: TestBed, _ executable: String, in directory: String, _ notify: NotifySocket
        ) throws -> (program: Supervisor.Program, socket: String) {
            let command = try #require(try unit("callwaiting.service").first { $0.key == "ExecStart" }).value
                .split(separator: " ")
            #expect(command.first == "/usr/local/bin/callwaiting")
            try write(bed.settings, in: directory)
            let socket = "\(directory)/fastcgi.sock"
            let arguments = [
                "--listen=\(socket)", "--setenv=NOTIFY_SOCKET=\(notify.name)",
                "--setenv=CREDENTIALS_DIRECTORY=\(directory)/credentials",
                "--setenv=CALLWAITING_ENV_FILE=\(directory)/callwaiting.env", executable,
            ]
            let program = try bed.supervisor.start(
                "service",
                Command(
                    "/usr/bin/systemd-socket-activate", arguments + command.dropFirst().map(String.init),
                    environment: Command.plainEnvironment()))
            return (program, socket)
        }

        private func isReady(_ socket: String) async throws -> Bool {
            guard Files.exists(socket) else { return false }
            return try await get("/readyz", socket).contains("\"status\":\"ok\"")
        }

        @Test("the service answers on the socket that systemd passes, with secrets from credentials alone")
        func serves() async throws {
            let bed = try await TestBed.shared.value
            let service = try unit("callwaiting.service")
            #expect(service.contains { $0 == ("Environment", "CALLWAITING_ENV_FILE=/etc/callwaiting/callwaiting.env") })
            #expect(service.contains { $0 == ("Type", "notify") })
            try await withTemporaryDirectory { directory in
                let notify = try NotifySocket()
                let (program, socket) = try start(bed, TestBed.program("callwaiting"), in: directory, notify)
                #expect(try await eventually { try await isReady(socket) })
                #expect(try await eventually { notify.hasSaid("READY=1") }, "\(notify.said)")
                let status = await program.stop()
                #expect(status.isSuccess, "\(status)")
                #expect(notify.hasSaid("STOPPING=1"), "\(notify.said)")
            }
        }

        @Test("a reload runs the release installed meanwhile, as the same process, and every request succeeds")
        func reload() async throws {
            let bed = try await TestBed.shared.value
            try await withTemporaryDirectory { directory in
                let installation = try Installation(in: directory, program: nil)
                try await installation.run()
                let notify = try NotifySocket()
                let (program, socket) = try start(
                    bed, installation.path("/usr/local/bin/callwaiting"), in: directory, notify)
                #expect(try await eventually { try await isReady(socket) })
                let releases = installation.path("/usr/local/lib/callwaiting/releases")
                let main = try #require(try process(running: releases + "/1.0/"))

                try await installation.run(environment: ["VERSION": "1.1"])
                #expect(kill(main, SIGHUP) == 0)
                try await expect(main, toRun: releases + "/1.1/", answeringOn: socket)
                #expect(notify.hasSaid("RELOADING=1"), "\(notify.said)")
                #expect(try await isReady(socket))
                #expect(await program.stop().isSuccess)
            }
        }

        /// Asks again and again, and expects an answer each time, until the process's program lies below `path`.
        private func expect(_ process: pid_t, toRun path: String, answeringOn socket: String) async throws {
            let limit = ContinuousClock.now + .seconds(60)
            while executable(of: process)?.hasPrefix(path) != true {
                let answers = try await isReady(socket)
                #expect(answers, "a request failed during the reload")
                try #require(ContinuousClock.now < limit, "\(executable(of: process) ?? "gone") still runs")
            }
        }

        /// The process whose program lies below `path`.
        private func process(running path: String) throws -> pid_t? {
            try Files.names(in: "/proc").compactMap { pid_t($0) }.first { executable(of: $0)?.hasPrefix(path) == true }
        }

        private func executable(of process: pid_t) -> String? {
            guard let text = realpath("/proc/\(process)/exe", nil) else { return nil }
            defer { free(text) }
            return String(cString: text)
        }

        private func get(_ path: String, _ socket: String) async throws -> String {
            var environment = Command.plainEnvironment()
            environment.merge([
                "REQUEST_METHOD": "GET", "REQUEST_URI": path, "SCRIPT_NAME": path, "QUERY_STRING": "",
                "SERVER_PROTOCOL": "HTTP/1.1",
            ]) { $1 }
            return try await Command(
                "/usr/bin/cgi-fcgi", ["-bind", "-connect", socket], environment: environment
            ).output().text
        }

        @Test("the shipped units, web server configurations and settings agree on the socket and on their paths")
        func agreement() throws {
            let socket = try #require(try unit("callwaiting.socket").first { $0.key == "ListenStream" }).value
            for file in [
                "nginx/callwaiting.conf", "apache/callwaiting-proxy-fcgi.conf", "lighttpd/callwaiting-fastcgi.conf",
            ] {
                let text = try #require(try Files.read("\(TestBed.repository)/deploy/\(file)"))
                #expect(text.contains(socket), "\(file) asks \(socket)")
            }
            let service = try unit("callwaiting.service")
            let stop = try #require(service.first { $0.key == "TimeoutStopSec" }.flatMap { Int($0.value) })
            let drain = try #require(Setting.drainBudget.fallback.flatMap { Int($0) })
            #expect(stop > drain, "systemd waits longer than requests may take to finish")
            #expect(service.contains { $0 == ("RestartPreventExitStatus", "78") })
        }
    }
}
