import DevHost
import FoundationEssentials
import FunctionCore
import FunctionTesting
import Glibc
import HTTPTypes
import Testing
import WebClient
import WebServers

extension EndToEnd {
    /// A running server takes up a new program and new settings, and nobody who calls it notices.
    @Suite struct ReloadTests {
        /// A program behind a symbolic link, settings in a file, and whatever serves with them.
        private struct Installation {
            let bed: TestBed
            let files: HostFiles
            var program: String { "\(files.directory)/current/callwaiting" }
            var environment: [String: String]

            init(_ bed: TestBed) throws {
                self.bed = bed
                files = HostFiles(bed: bed)
                environment = bed.environment()
                environment["APP_URL"] = nil
                environment["DRAIN_BUDGET"] = "30"
                environment["CALLWAITING_ENV_FILE"] = try files.write("settings.env", "")
                try settings(origin: "https://one.example")
            }

            func settings(origin: String) throws {
                _ = try files.write("settings.env", "APP_URL=\(origin)\n")
            }

            /// Installs the program anew, and has `current` lead there.
            func release(_ name: String) throws {
                let directory = "\(files.directory)/\(name)"
                try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
                let (built, installed) = (TestBed.program("callwaiting"), "\(directory)/callwaiting")
                // A name of its own is enough, and on one file system costs nothing.
                if Glibc.link(built, installed) != 0 {
                    try FileManager.default.copyItem(atPath: built, toPath: installed)
                }
                let link = "\(files.directory)/next"
                guard symlink(name, link) == 0, rename(link, "\(files.directory)/current") == 0 else {
                    throw TestBed.Failure("no link to \(name)")
                }
            }

            func start(_ arguments: [String]) async throws -> ServedProgram {
                let served = try ServedProgram.start(
                    arguments, executable: program, environment: environment, in: files.directory)
                try await served.wait(for: #""message":"listening""#)
                return served
            }

            /// The origin that the server at `port` admits.
            func origin(_ port: Int, asking origin: String) async throws -> String? {
                let response = try await bed.client.send(
                    WebRequest(
                        method: .get, url: "http://127.0.0.1:\(port)/healthz", fields: [.origin: origin],
                        deadline: .now + .seconds(10)))
                return response.fields[.accessControlAllowOrigin]
            }
        }

        private static func image(of process: pid_t) throws -> String {
            try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/\(process)/exe")
        }

        /// Nobody knows this agent, which takes one round trip to Postgres to say.
        private static let post = SteadyLoad.Request(
            method: "POST", target: "/api/agent/00000000-0000-4000-8000-000000000000/webhook",
            fields: "Content-Type: application/json\r\nX-AGENT-KEY: nobody\r\n", body: #"{"message":"Hello?"}"#,
            status: 401)
        private static let get = SteadyLoad.Request(target: "/readyz", status: 200)

        @Test("under load, reloads swap program and settings in without a failed request, in the same process")
        func underLoad() async throws {
            let bed = try await TestBed.shared.value
            let installation = try Installation(bed)
            try installation.release("release-0")
            let site = try WebServer.nginx.site(
                serving: Backend(path: installation.program, environment: [:]),
                in: "\(installation.files.directory)/web")
            let (web, http, socket) = (site.port, try freePort(), site.socket)
            let servers = [
                try await installation.start(["fastcgi", "--socket", socket, "--socket-mode", "666"]),
                try await installation.start(["http", "--listen", "127.0.0.1:\(http)"]),
            ]
            let server = try #require(site.programs.last)
            let nginx = try bed.supervisor.start("nginx", Command(server.executable, server.arguments))
            try await HTTPSender(baseURL: "http://127.0.0.1:\(web)", client: bed.client).waitUntilReady()

            // More callers than nginx keeps connections, so that some are kept and some are made anew.
            let loads = [web, http].map { port in
                SteadyLoad([(port, Self.get), (port, Self.post)].flatMap { Array(repeating: $0, count: 3) })
            }
            for release in 1...5 {
                try installation.release("release-\(release)")
                try installation.settings(origin: "https://\(release).example")
                let before = loads.map(\.answers)
                let signal = release % 2 == 0 ? SIGUSR2 : SIGHUP
                async let first: Void = servers[0].reload(signal)
                async let second: Void = servers[1].reload(signal)
                _ = try await (first, second)
                let origin = "https://\(release).example"
                for (server, port) in zip(servers, [web, http]) {
                    #expect(try Self.image(of: server.process.processID).hasSuffix("/release-\(release)/callwaiting"))
                    #expect(try await installation.origin(port, asking: origin) == origin)
                }
                #expect(
                    try await eventually { zip(loads, before).allSatisfy { $0.answers > $1 + 50 } }, "the load goes on")
            }
            for load in loads {
                try await load.stop()
                #expect(load.failures.isEmpty)
            }
            #expect(loads[1].connections == 6, "no caller's connection was closed")
            await nginx.stop()
            for server in servers { #expect(await server.stop() == .code(0)) }
            #expect(access(socket, F_OK) != 0, "the socket is removed in the end")
        }

        @Test("a reload with settings or a program that cannot serve changes nothing, and the next one can")
        func refusesBadReload() async throws {
            let installation = try Installation(try await TestBed.shared.value)
            try installation.release("good")
            let port = try freePort()
            let server = try await installation.start(["http", "--listen", "127.0.0.1:\(port)"])
            let load = SteadyLoad([(port, Self.get), (port, Self.post)])
            try installation.settings(origin: "ftp://nonsense")
            server.process.signal(SIGHUP)
            try await server.wait(for: "serving as before")
            try installation.settings(origin: "https://two.example")
            try "#!/bin/false\n".write(toFile: installation.program + ".new", atomically: true, encoding: .utf8)
            _ = chmod(installation.program + ".new", 0o755)
            #expect(rename(installation.program + ".new", installation.program) == 0)
            server.process.signal(SIGHUP)
            try await server.wait(for: "serving as before", times: 2)
            #expect(
                try await installation.origin(port, asking: "https://one.example") == "https://one.example",
                "it serves with the settings that it had")
            try installation.release("better")
            try await server.reload()
            #expect(try await installation.origin(port, asking: "https://two.example") == "https://two.example")
            try await load.stop()
            #expect(load.failures.isEmpty)
            #expect(await server.stop() == .code(0))
        }

        /// A server that is in the middle of a reload, held there by an answer that comes when `body` lets it.
        private func midway(
            _ body: (Installation, ServedProgram, Int, SteadyLoad, _ letAnswer: () -> Void) async throws -> Void
        ) async throws {
            let bed = try await TestBed.shared.value
            let installation = try Installation(bed)
            try installation.release("one")
            let port = try freePort()
            let server = try await installation.start(["http", "--listen", "127.0.0.1:\(port)"])
            let sender = HTTPSender(baseURL: "http://127.0.0.1:\(port)", client: bed.client)
            let person = try await Person.signUp(sender)
            let agent = try await person.createAgent()
            bed.board.add(.init(.hold), to: .openai)
            defer { bed.board.clearFaults(of: .openai) }
            let before = bed.board.report(of: .openai).requests
            async let answer = person.ask(agent, "What are your business hours?")
            #expect(try await eventually { bed.board.report(of: .openai).requests > before })
            let load = SteadyLoad([(port, Self.get), (port, Self.post)])
            server.process.signal(SIGHUP)
            try await server.wait(for: #""message":"listening""#, times: 2)
            try await body(installation, server, port, load) { bed.board.clearFaults(of: .openai) }
            #expect(try await answer.status == .ok, "what was under way was finished")
            try await load.stop()
        }

        @Test("settings that break in the middle of a reload leave the stand-in serving, until they are right")
        func breaksMidway() async throws {
            try await midway { installation, server, port, load, letAnswer in
                try installation.settings(origin: "ftp://nonsense")
                letAnswer()
                try await server.wait(for: "its stand-in serves on")
                let before = load.answers
                #expect(try await eventually { load.answers > before + 100 }, "requests are answered")
                try installation.settings(origin: "https://three.example")
                try await server.reload()
                #expect(try await installation.origin(port, asking: "https://three.example") != nil)
                #expect(load.failures.isEmpty)
                try await load.stop()
                #expect(await server.stop() == .code(0))
            }
        }

        @Test("a program that vanishes in the middle of a reload is replaced by the one that runs")
        func vanishesMidway() async throws {
            try await midway { installation, server, port, load, letAnswer in
                #expect(unlink(installation.program) == 0)
                try installation.settings(origin: "https://four.example")
                letAnswer()
                try await server.wait(for: #""message":"reloaded""#)
                #expect(try await installation.origin(port, asking: "https://four.example") != nil)
                #expect(load.failures.isEmpty)
                try await load.stop()
                #expect(await server.stop() == .code(0))
            }
        }

        @Test("a stop while a stand-in serves alone ends both")
        func stopsBehindStandIn() async throws {
            try await midway { installation, server, port, load, letAnswer in
                try installation.settings(origin: "ftp://nonsense")
                letAnswer()
                try await server.wait(for: "its stand-in serves on")
                try await load.stop()
                #expect(await server.stop() == .code(0))
                #expect(!SteadyLoad.canConnect(to: port))
            }
        }

        @Test("a stop in the middle of a reload ends both processes, after the last answer")
        func stopsMidway() async throws {
            try await midway { _, server, port, load, letAnswer in
                try await load.stop()
                server.process.signal(SIGTERM)
                try await server.wait(for: #""message":"stopping""#)
                letAnswer()
                #expect(await server.process.exitStatus == .code(0))
                #expect(!SteadyLoad.canConnect(to: port))
            }
        }

        @Test("a worker takes up a new program too, in the same process")
        func worker() async throws {
            let installation = try Installation(try await TestBed.shared.value)
            try installation.release("one")
            let worker = try ServedProgram.start(
                ["worker", "--interval", "1"], executable: installation.program,
                environment: installation.environment, in: installation.files.directory)
            try await worker.wait(for: "worker started")
            try installation.release("two")
            try await worker.reload()
            #expect(try Self.image(of: worker.process.processID).hasSuffix("/two/callwaiting"))
            #expect(await worker.stop() == .code(0))
        }

        @Test("the service manager is told of each step of a reload, by the main process alone")
        func tellsServiceManager() async throws {
            var installation = try Installation(try await TestBed.shared.value)
            try installation.release("one")
            let manager = try NotifySocket()
            installation.environment["NOTIFY_SOCKET"] = manager.name
            let server = try await installation.start(["http", "--listen", "127.0.0.1:0"])
            try await server.reload()
            try installation.settings(origin: "ftp://nonsense")
            server.process.signal(SIGHUP)
            try await server.wait(for: "serving as before")
            #expect(await server.stop() == .code(0))
            let messages = manager.messages()
            #expect(
                messages.map(\.firstLine) == [
                    "READY=1", "RELOADING=1", "READY=1", "RELOADING=1", "READY=1", "STOPPING=1",
                ])
            #expect(messages.allSatisfy { $0.sender == server.process.processID })
        }

        @Test("when the main process is killed in the middle of a reload, its stand-in ends too")
        func killedMidway() async throws {
            let bed = try await TestBed.shared.value
            let installation = try Installation(bed)
            try installation.release("one")
            let port = try freePort()
            let server = try await installation.start(["http", "--listen", "127.0.0.1:\(port)"])
            server.process.signal(SIGHUP)
            try await server.wait(for: #""message":"listening""#, times: 2)
            server.process.signal(SIGKILL)
            _ = await server.process.exitStatus
            #expect(try await eventually { !SteadyLoad.canConnect(to: port) })
        }
    }
}
