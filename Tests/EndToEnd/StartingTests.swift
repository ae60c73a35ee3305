import DevHost
import FoundationEssentials
import FunctionCore
import FunctionTesting
import Glibc
import Testing
import WebServers

extension EndToEnd {
    /// The built program as supervisors start it: what it is given, and what it does with that.
    @Suite struct StartingTests {
        /// Asks a FastCGI socket with a client that is not ours.
        private func askFastCGI(_ path: String, _ bed: TestBed, in directory: String) async throws -> String {
            let output = "\(directory)/answer-\([UInt8].random(count: 4).hex)"
            let environment = ["PATH": "/usr/bin:/bin", "REQUEST_METHOD": "GET", "REQUEST_URI": "/healthz"]
            let status = try await bed.supervisor.run(
                "cgi-fcgi",
                Command("/bin/sh", ["-c", "cgi-fcgi -bind -connect \(path) >\(output)"], environment: environment))
            #expect(status == .code(0))
            return try String(contentsOfFile: output, encoding: .utf8)
        }

        private func healthz(_ port: Int, _ bed: TestBed) async throws -> TestResponse {
            try await HTTPSender(baseURL: "http://127.0.0.1:\(port)", client: bed.client).get("/healthz")
        }

        @Test(
            "spawn-fcgi's socket, descriptor 0, is served, reloaded and left in place, also where CGI starts the program",
            arguments: [["fastcgi"], []])
        func spawnFCGI(_ arguments: [String]) async throws {
            let bed = try await TestBed.shared.value
            let files = HostFiles(bed: bed)
            let socket = "\(files.directory)/s"
            let server = try ServedProgram.start(
                ["-s", socket, "-n", "--", TestBed.program("callwaiting")] + arguments,
                executable: "/usr/bin/spawn-fcgi",
                environment: bed.environment(arguments.isEmpty ? ["GATEWAY_INTERFACE": "CGI/1.1"] : [:]),
                in: files.directory)
            try await server.wait(for: #""message":"listening""#)
            #expect(try await askFastCGI(socket, bed, in: files.directory).contains(#"{"status":"ok"}"#))
            try await server.reload()
            #expect(try await askFastCGI(socket, bed, in: files.directory).contains(#"{"status":"ok"}"#))
            #expect(await server.stop() == .code(0))
            #expect(access(socket, F_OK) == 0, "it is spawn-fcgi's")
        }

        @Test(
            "systemd's sockets speak what they are named after, also under a wrapper, and survive a reload",
            arguments: [false, true])
        func systemd(_ isWrapped: Bool) async throws {
            let bed = try await TestBed.shared.value
            let files = HostFiles(bed: bed)
            let (socket, port) = ("\(files.directory)/s", try freePort())
            let variables = bed.environment().flatMap { ["-E", "\($0.key)=\($0.value)"] }
            // A shell that has more to do afterwards does not become the program, but starts it.
            let program =
                (isWrapped ? ["/bin/sh", "-c", #"echo $$ >&2; "$0" "$@"; exit $?"#] : [])
                + [TestBed.program("callwaiting"), "fastcgi"]
            let server = try ServedProgram.start(
                ["-l", socket, "-l", "127.0.0.1:\(port)", "--fdname=any:http"] + variables + program,
                executable: "/usr/bin/systemd-socket-activate", environment: bed.environment(), in: files.directory)
            defer { server.process.killGroup() }
            #expect(try await eventually { access(socket, F_OK) == 0 })
            #expect(try await askFastCGI(socket, bed, in: files.directory).contains(#"{"status":"ok"}"#))
            #expect(try await healthz(port, bed).status == .ok)
            guard !isWrapped else { return }
            try await server.reload()
            #expect(try await askFastCGI(socket, bed, in: files.directory).contains(#"{"status":"ok"}"#))
            #expect(try await healthz(port, bed).status == .ok)
            #expect(await server.stop() == .code(0))
            #expect(access(socket, F_OK) == 0, "it is systemd's")
        }

        @Test("descriptors that are closed at the start get in nobody's way, before and after a reload")
        func closedDescriptors() async throws {
            let bed = try await TestBed.shared.value
            let files = HostFiles(bed: bed)
            let port = try freePort()
            let server = try ServedProgram.start(
                [
                    "-c", #"exec "$0" "$@" 0<&- 1>&- 2>&-"#, TestBed.program("callwaiting"), "http", "--listen",
                    "127.0.0.1:\(port)",
                ], executable: "/bin/sh", environment: bed.environment(), in: files.directory)
            let sender = HTTPSender(baseURL: "http://127.0.0.1:\(port)", client: bed.client)
            try await sender.waitUntilReady()
            for _ in 0..<2 {
                for descriptor in 0...2 {
                    let place = try FileManager.default.destinationOfSymbolicLink(
                        atPath: "/proc/\(server.process.processID)/fd/\(descriptor)")
                    #expect(place == "/dev/null")
                }
                let load = SteadyLoad(Array(repeating: (port, .init(target: "/healthz", status: 200)), count: 4))
                server.process.signal(SIGHUP)
                let before = load.answers
                #expect(try await eventually { load.answers > before + 200 })
                try await load.stop()
                #expect(load.failures.isEmpty)
            }
            #expect(await server.stop() == .code(0))
        }

        @Test("of two that start on a stale socket at once one serves, and the other says why it does not")
        func twoAtOnce() async throws {
            let bed = try await TestBed.shared.value
            let files = HostFiles(bed: bed)
            let socket = "\(files.directory)/s"
            let first = try ServedProgram.start(
                ["fastcgi", "--socket", socket], environment: bed.environment(), in: files.directory)
            try await first.wait(for: #""message":"listening""#)
            first.process.signal(SIGKILL)
            _ = await first.process.exitStatus
            #expect(access(socket, F_OK) == 0, "it is stale now")

            let both = try (0..<2).map { _ in
                try ServedProgram.start(
                    ["fastcgi", "--socket", socket], environment: bed.environment(), in: files.directory)
            }
            #expect(try await eventually { both.contains { !$0.process.isRunning } })
            let loser = try #require(both.first { !$0.process.isRunning })
            let winner = try #require(both.first { $0.process.isRunning })
            #expect(loser.printed.contains("another process listens on \(socket)"))
            try await winner.wait(for: #""message":"listening""#)
            #expect(try await askFastCGI(socket, bed, in: files.directory).contains(#"{"status":"ok"}"#))
            #expect(await winner.stop(SIGQUIT) == .code(0))
            #expect(access(socket, F_OK) != 0)
        }

        @Test("a stop is said to whoever asks for readiness, before anything is refused")
        func drains() async throws {
            let bed = try await TestBed.shared.value
            let files = HostFiles(bed: bed)
            let port = try freePort()
            let server = try ServedProgram.start(
                ["http", "--listen", "127.0.0.1:\(port)"], environment: bed.environment(["DRAIN_DELAY": "60"]),
                in: files.directory)
            let sender = HTTPSender(baseURL: "http://127.0.0.1:\(port)", client: bed.client)
            try await sender.waitUntilReady()
            server.process.signal(SIGTERM)
            #expect(try await eventually { try await sender.get("/readyz").problemCode == "stopping" })
            #expect(try await sender.get("/readyz").fields[.retryAfter] == "1")
            #expect(try await sender.get("/healthz").status == .ok)
            #expect(await server.stop() == .code(0), "a second signal ends the delay")
        }
    }
}
