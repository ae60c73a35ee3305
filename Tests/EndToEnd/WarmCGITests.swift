import EmulatorControl
import FunctionCore
import FunctionTesting
import Glibc
import HTTPTypes
import Testing

@testable import DevHost

extension EndToEnd {
    /// `callwaiting-cgi` and the server that it hands requests to.
    @Suite struct WarmCGITests {
        @Test("the first request is answered alone, and those after it by one resident, however many began at once")
        func oneResident() async throws {
            try await WarmInstallation.with { installation, _ in
                let client = try installation.client()
                try await withThrowingTaskGroup(of: HTTPResponse.Status.self) { group in
                    for _ in 0..<6 { group.addTask { try await client.get("/healthz").status } }
                    for try await status in group { #expect(status == .ok, "\(installation.complaints)") }
                }
                _ = try await installation.warmUp()
                #expect(installation.processes.count == 1)
                #expect(try await client.get("/readyz").status == .ok)
                let complaints = installation.complaints.split(separator: "\n").filter {
                    // One that was not given the processor in time is said, and no harm.
                    $0.contains("callwaiting-cgi:") && !$0.contains("does not answer")
                }
                #expect(complaints.isEmpty)
            }
        }

        @Test("a symlink's name chooses the function, with and without a resident")
        func programName() async throws {
            try await WarmInstallation.with(["BASE_PATH": "/voice"]) { installation, _ in
                let client = try installation.client(as: "usage-report")
                for warm in [false, true] {
                    let implied = try await client.get("/cgi-bin/usage-report")
                    #expect(implied.status == .unauthorized, "the name implies the path")
                    #expect(try await client.get("/voice/api/usage-report").status == .unauthorized)
                    #expect(try await client.get("/healthz").status == .unauthorized, "whatever the path")
                    if warm {
                        _ = try await installation.warm { try await client.get("/cgi-bin/usage-report") }
                    } else {
                        #expect(try await !installation.isWarm(implied))
                        _ = try await installation.warmUp()
                    }
                }
            }
        }

        @Test("a resident that is killed at work costs its requests, and the next one replaces it")
        func killed() async throws {
            try await WarmInstallation.with { installation, bed in
                let client = try installation.client()
                let person = try await Person.signUp(client)
                let agent = try await person.createAgent()
                let resident = try await installation.warmUp()
                bed.board.add(Fault(.timeout, times: nil), to: .openai)
                defer { bed.board.clearFaults(of: .openai) }
                let before = bed.board.report(of: .openai).requests
                async let answer = person.ask(agent, "What are your business hours?")
                try await installation.eventually("the reply is being made") {
                    bed.board.report(of: .openai).requests > before
                }
                kill(resident, SIGKILL)
                let response = try await answer
                #expect(response.status == .badGateway, "it may have been done in part, so it is not done again")
                #expect(response.problemCode == "application_unavailable")
                #expect(bed.board.report(of: .openai).requests == before + 1)

                // The socket's file is still there, and nobody listens on it.
                try installation.forgetLastStart()
                #expect(try await client.get("/healthz").status == .ok)
                #expect(try await installation.warmUp() != resident)
            }
        }

        @Test("a resident that does not answer is not waited for long")
        func stuck() async throws {
            try await WarmInstallation.with { installation, _ in
                let resident = try await installation.warmUp()
                kill(resident, SIGSTOP)
                // A thread that runs on another processor is stopped a moment later, and may accept a request until then.
                try await installation.eventually("it stands still") { try isStopped(resident) }
                let client = try installation.client()
                let answer = try await client.get("/healthz")
                #expect(answer.status == .ok)
                #expect(try await !installation.isWarm(answer))
                #expect(installation.complaints.contains("does not answer"))
                let mail = "stuck\([UInt8].random(count: 4).hex)@callwaiting.test"
                let signUp = #"{"email":"\#(mail)","password":"correct horse battery"}"#
                #expect(try await client.post("/auth/v1/signup", json: signUp).status == .ok)
                kill(resident, SIGCONT)
                #expect(try await installation.warmUp() == resident)
                #expect(try await !installation.isWarm(answer))
                let signIn = #""function":"sign-in""#
                #expect(!installation.log.contains(signIn), "what must not be done twice is never begun")
                _ = try await installation.warm { try await client.post("/auth/v1/signup", json: signUp) }
                #expect(installation.log.contains(signIn), "and would have been logged")
            }
        }

        @Test("a resident that ends before it has answered a GET costs nothing")
        func killedBeforeAnswering() async throws {
            try await WarmInstallation.with { installation, _ in
                let resident = try await installation.warmUp()
                kill(resident, SIGSTOP)
                try await installation.eventually("it stands still") { try isStopped(resident) }
                // unix(7): a line for the listener, and one for each connection to it, accepted or not.
                func sockets() throws -> Int {
                    try (Files.read("/proc/net/unix") ?? "").ranges(of: "\(installation.residents)/").count
                }
                let before = try sockets()
                let client = try installation.client()
                async let answer = client.get("/healthz")
                try await installation.eventually("it has been asked") { try sockets() > before }
                kill(resident, SIGKILL)
                #expect(try await answer.status == .ok)
                #expect(try await !installation.isWarm(answer))
                // Where the kill was late it had been given up before.
                #expect(
                    ["closed the connection", "does not answer"].contains { installation.complaints.contains($0) },
                    "it had been asked")
            }
        }

        /// Whether each of its threads is stopped (proc(5), `stat`: the state comes after the name in parentheses).
        private func isStopped(_ process: pid_t) throws -> Bool {
            try Files.names(in: "/proc/\(process)/task").allSatisfy { thread in
                let line = try Files.read("/proc/\(process)/task/\(thread)/stat") ?? ""
                return line.split(separator: ")").last?.hasPrefix(" T") ?? false
            }
        }

        @Test(
            "a directory that others own or may enter is refused, and requests are answered all the same",
            arguments: ["another user's", "a symbolic link", "open to all", "a file"])
        func squatting(_ kind: String) async throws {
            try #require(geteuid() == 0, "to be given another user's directory takes root")
            try await WarmInstallation.with { installation, _ in
                let path = installation.residents
                switch kind {
                case "another user's":
                    try Files.createDirectory(path, mode: 0o700)
                    #expect(chown(path, 65_534, 65_534) == 0)
                case "a symbolic link":
                    try Files.createDirectory("\(path)-elsewhere", mode: 0o700)
                    #expect(symlink("\(path)-elsewhere", path) == 0)
                case "open to all":
                    try Files.createDirectory(path, mode: 0o700)
                    #expect(chmod(path, 0o711) == 0)
                default: try Files.write("", to: path, mode: 0o600)
                }
                let client = try installation.client()
                for _ in 0..<2 { #expect(try await client.get("/healthz").status == .ok) }
                #expect(installation.complaints.contains("this user alone"))
                #expect(installation.processes.isEmpty)
                #expect(unlink(path) == 0 || rmdir(path) == 0, "and nothing was put into it")
            }
        }

        @Test("a resident with nothing to do leaves, and leaves nothing behind")
        func idle() async throws {
            try await WarmInstallation.with(["RESIDENT_IDLE_TIME": "3"]) { installation, _ in
                let resident = try await installation.warmUp()
                try await installation.eventually("it leaves") { !BuiltHost.isAlive(resident) }
                #expect(try Files.names(in: installation.residents) == ["log"])
                #expect(installation.log.contains("nothing to do"))
                #expect(try await installation.warmUp() != resident)
            }
        }

        @Test("a replaced program is served by its own resident at once, and the old one leaves")
        func replaced() async throws {
            try await WarmInstallation.with { installation, _ in
                let old = try await installation.warmUp()
                let copy = "\(installation.executable).new"
                try await WarmInstallation.copy(TestBed.program("callwaiting"), to: copy)
                #expect(rename(copy, installation.executable) == 0)
                let answer = try await installation.client().get("/healthz")
                #expect(answer.status == .ok)
                #expect(try await !installation.isWarm(answer), "the old resident is not asked any more")
                try await installation.eventually("the old one leaves") { !BuiltHost.isAlive(old) }
                #expect(try await installation.warmUp() != old)
                #expect(installation.log.contains("replaced"))
            }
        }

        @Test("a secret that is replaced in its file is the resident's end")
        func replacedSecret() async throws {
            let secret = "\(try await TestBed.shared.value.directory)/secret\([UInt8].random(count: 4).hex)"
            try Files.write(String(repeating: "a", count: 40), to: secret, mode: 0o600)
            let changes = ["AUDIO_SIGNING_KEY": "", "AUDIO_SIGNING_KEY_FILE": secret]
            try await WarmInstallation.with(changes) { installation, _ in
                let old = try await installation.warmUp()
                try Files.write(String(repeating: "b", count: 40), to: secret, mode: 0o600)
                try await installation.eventually("the old one leaves") { !BuiltHost.isAlive(old) }
                #expect(installation.log.contains("replaced"))
            }
        }

        @Test("bodies pass whole, and one that is too long is refused as it is without a resident")
        func bodies() async throws {
            try await WarmInstallation.with { installation, _ in
                let client = try installation.client()
                let long = #"{"email":"\#(String(repeating: "x", count: 900_000))"}"#
                let cold = try await client.post("/auth/v1/signup", json: long)
                _ = try await installation.warmUp()
                let warm = try await installation.warm { try await client.post("/auth/v1/signup", json: long) }
                #expect(warm.status == .contentTooLarge)
                #expect(cold.status == warm.status)
                #expect(try await !installation.isWarm(cold))

                let person = try await Person.signUp(client)
                let prompt = String(repeating: "é", count: 3_000)
                let created = try await installation.warm {
                    try await client.send(
                        TestRequest(
                            .post, "/api/create-agent",
                            fields: [.authorization: "Bearer \(person.token)", .contentType: "application/json"],
                            body: Array(#"{"name":"n","systemPrompt":"\#(prompt)","voiceId":"soft_f"}"#.utf8)))
                }
                #expect(created.status == .created, "\(created.text)")
            }
        }

        @Test("a body without a length is passed on to its end, as Apache passes on what came in chunks")
        func undeclaredBody() async throws {
            try await WarmInstallation.with { installation, _ in
                _ = try await installation.warmUp()
                let mail = "chunks@callwaiting.test"
                let variables = [
                    "GATEWAY_INTERFACE": "CGI/1.1", "REQUEST_METHOD": "POST", "REQUEST_URI": "/auth/v1/signup",
                    "SERVER_PROTOCOL": "HTTP/1.1", "CONTENT_TYPE": "application/json",
                    "HTTP_TRANSFER_ENCODING": "chunked",
                    "BODY": #"{"email":"\#(mail)","password":"correct horse battery"}"#,
                ]
                let (status, text) = try await installation.answer(
                    to: #"printf %s "$BODY" | "$0""#, variables)
                #expect(status.isSuccess)
                #expect(text.hasPrefix("Status: 200") && text.contains(mail), "\(text)")
            }
        }

        @Test("a caller who leaves ends the work at the resident")
        func callerLeaves() async throws {
            try await WarmInstallation.with { installation, bed in
                let client = try installation.client()
                let person = try await Person.signUp(client)
                let agent = try await person.createAgent()
                let resident = try await installation.warmUp()
                bed.board.add(Fault(.timeout, times: nil), to: .openai)
                defer { bed.board.clearFaults(of: .openai) }
                let before = bed.board.report(of: .openai).requests
                let asking = Task { try await person.ask(agent, "What are your business hours?") }
                try await installation.eventually("the reply is being made") {
                    bed.board.report(of: .openai).requests > before
                }
                asking.cancel()
                _ = await asking.result
                try await installation.eventually("it is given up") {
                    installation.log.contains(#""function":"agent-webhook""#)
                }
                #expect(BuiltHost.isAlive(resident))
                #expect(try await installation.client().get("/healthz").status == .ok)
            }
        }

        @Test("where no resident can start, requests are answered, and it is not tried at each of them")
        func cannotStart() async throws {
            let bed = try await TestBed.shared.value
            let long = "\(bed.directory)/\(String(repeating: "x", count: 120))"
            defer { try? Files.remove(long) }
            // No socket's address is as long as that.
            try await WarmInstallation.with(["CALLWAITING_RESIDENT_DIRECTORY": long]) { installation, _ in
                let client = try installation.client()
                for _ in 0..<4 {
                    #expect(try await client.get("/healthz").status == .ok)
                    try installation.renewLastStart()
                }
                try await installation.eventually("a start fails") { installation.log.contains("too long") }
                #expect(installation.log.ranges(of: "too long").count == 1, "one start, one failure")
                #expect(installation.processes.isEmpty)
            }
        }

        @Test("callwaiting-cgi loads no library at all")
        func isStatic() async throws {
            let headers = try await Command(
                "/usr/bin/readelf", ["--program-headers", "--dynamic", TestBed.program("callwaiting-cgi")],
                environment: Command.plainEnvironment()
            ).output()
            #expect(headers.text.contains("LOAD"), "\(headers.text)")
            #expect(!headers.text.contains("NEEDED") && !headers.text.contains("INTERP"), "\(headers.text)")
            let symbols = try await Command(
                "/usr/bin/nm", [TestBed.program("callwaiting-cgi")], environment: Command.plainEnvironment()
            ).output()
            #expect(symbols.text.contains("7WarmCGI"))
            // The last is of Swift's runtime, which Embedded Swift does without.
            for name in [
                "PQconnect", "curl_easy", "7NIOCore", "10Foundation", "20FoundationEssentials",
                "swift_getTypeByMangledName",
            ] {
                #expect(!symbols.text.contains(name), "\(name) is linked")
            }
            // What Embedded Swift writes for a value that has no description of its own.
            let constants = try await Command(
                "/usr/bin/readelf", ["--string-dump=.rodata", TestBed.program("callwaiting-cgi")],
                environment: Command.plainEnvironment()
            ).output()
            #expect(!constants.text.contains("cannot print value"))
        }
    }
}
