import Glibc
import Logging
import Testing
import WebClient

@testable import DevHost

/// `callwaiting-dev` from outside. One at a time: each starts a cluster and some processes, on two cores.
@Suite(.serialized) struct DevelopmentHostTests {
    @Test(arguments: [SIGINT, SIGTERM])
    func aHostThatIsAskedToEndLeavesNothingBehind(signal: Int32) async throws {
        try await withTemporaryDirectory { directory in
            let (host, file) = try await BuiltHost.serve(in: directory)
            let answer = try await file.ask("What are your business hours?")
            #expect(answer.status == 200)
            #expect(answer.body.contains("9 am to 6 pm"))
            let (processes, directories) = try host.belongings(file)
            #expect(processes.count >= 5, "server and worker under their watchers, and Postgres")
            #expect(directories.allSatisfy(Files.isDirectory))

            host.process.signal(signal)
            #expect(await host.process.exitStatus == .code(0))
            try await host.eventually("all end") { !processes.contains(where: BuiltHost.isAlive) }
            #expect(!directories.contains(where: Files.exists))
            #expect(!Files.exists("\(host.state)/dev.json"))
            let log = try #require(try Files.read("\(host.state)/logs/dev.log"))
            let server = try #require(log.ranges(of: "server | ").last?.lowerBound)
            let worker = try #require(log.ranges(of: "worker | ").last?.lowerBound)
            #expect(server < worker, "the server ends before the worker")
        }
    }

    @Test func whatAKilledHostStartedEndsToo_andTheNextStartGoesOnWithItsData() async throws {
        try await withTemporaryDirectory { directory in
            let (killed, before) = try await BuiltHost.serve(in: directory)
            let (processes, directories) = try killed.belongings(before)
            killed.process.signal(SIGKILL)
            #expect(await killed.process.exitStatus == .signal(SIGKILL))
            try await killed.eventually("the end of its programs") { !processes.contains(where: BuiltHost.isAlive) }

            // The killed one could not remove its dev.json, and nobody takes that for a host.
            let env = try BuiltHost.start(["env"], in: directory)
            #expect(await env.process.exitStatus != .code(0))
            #expect(try env.printed().contains("no host is ready"))
            // The next one removes it, before it writes its own.
            try Files.remove("\(killed.state)/dev.json")
            let (next, after) = try await BuiltHost.serve(in: directory)
            #expect(!directories.contains(where: Files.exists))
            #expect(after.agentId == before.agentId && after.apiKey == before.apiKey)
            #expect(try await after.ask("What are your business hours?").status == 200)
            next.process.signal(SIGTERM)
            #expect(await next.process.exitStatus == .code(0))
        }
    }

    @Test(arguments: [[], ["--cgi"]])
    func aProgramBuiltAnewIsServedWithoutARequestLost(options: [String]) async throws {
        try await withTemporaryDirectory { directory in
            let products = try BuiltHost.products()
            let sql = #filePath.replacing("Tests/EndToEnd/DevelopmentHostTests.swift", with: "sql")
            for name in ["callwaiting", "callwaiting-dev"] {
                try await copy("\(products)/\(name)", to: "\(directory)/\(name)")
            }
            let (host, file) = try await BuiltHost.serve(
                options + ["--sql", sql], in: directory, executable: "\(directory)/callwaiting-dev")
            let requests = Task {
                let client = WebClient(logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
                var statuses: [Int] = []
                while !Task.isCancelled {
                    let request = WebRequest(method: .get, url: "\(file.url)/healthz", deadline: .now + .seconds(20))
                    statuses.append(try await Task { try await client.send(request) }.value.status.code)
                }
                await client.shutdown()
                return statuses
            }
            // What does not run is not taken over; what does is.
            let broken = "\(directory)/broken"
            try Files.write("#!/bin/false\n", to: broken, mode: 0o755)
            try SystemCallError.check("rename", rename(broken, "\(directory)/callwaiting"))
            try await host.eventually("the broken one is refused") { try host.printed().contains("does not run") }
            #expect(try await file.ask("What are your business hours?").status == 200)
            let copied = "\(directory)/copied"
            try await copy("\(products)/callwaiting", to: copied)
            try SystemCallError.check("rename", rename(copied, "\(directory)/callwaiting"))
            try await host.eventually("the new one serves") { try host.printed().contains("it serves from now on") }
            #expect(try await file.ask("What are your business hours?").status == 200)
            requests.cancel()
            let statuses = try await requests.value
            #expect(statuses.count > 10 && statuses.allSatisfy { $0 == 200 }, "\(statuses)")
            host.process.signal(SIGTERM)
            let status = await host.process.exitStatus
            let printed = try host.printed()
            #expect(status == .code(0), "\(status): \(printed)")
        }
    }

    @Test func aHostWhosePostgresDiesEndsAndSaysSo() async throws {
        try await withTemporaryDirectory { directory in
            let (host, file) = try await BuiltHost.serve(in: directory)
            let (processes, _) = try host.belongings(file)
            let postgres = try processes.filter { id in
                // Not the shell that watches it, nor a child, which has no such arguments.
                let line = try Files.read("/proc/\(id)/cmdline") ?? ""
                return line.prefix { $0 != "\0" }.hasSuffix("/postgres") && line.contains("\0-D\0")
            }
            try #require(postgres.count == 1)
            for process in postgres { kill(process, SIGKILL) }
            #expect(await host.process.exitStatus == .code(1))
            #expect(try host.printed().contains("Postgres ended by itself"))
            try await host.eventually("all end") { !processes.contains(where: BuiltHost.isAlive) }
        }
    }

    @Test func aSecondHostOnTheSameStateSaysSoAndExits1() async throws {
        try await withTemporaryDirectory { directory in
            let (first, file) = try await BuiltHost.serve(in: directory)
            let second = try BuiltHost.start(["serve", "--port", "0"], in: directory)
            #expect(await second.process.exitStatus == .code(1))
            #expect(try second.printed().contains("a development host is running on \(first.state)"))

            let port = try #require(file.url.split(separator: ":").last)
            let other = try BuiltHost.start(["serve", "--port", "\(port)"], in: "\(directory)/logs-of-other".made())
            #expect(await other.process.exitStatus == .code(1))
            #expect(try other.printed().contains("port \(port) on 127.0.0.1 cannot be had"))

            #expect(try await file.ask("Are you open on Saturday?").status == 200)
            first.process.signal(SIGTERM)
            #expect(await first.process.exitStatus == .code(0))
        }
    }

    /// The demo, from a checkout that only its owner can enter, under a path longer than a Unix socket's may be. Run by
    /// root, Postgres then keeps its data elsewhere, since it runs as somebody who cannot enter.
    @Test func theDemoHoldsInAPrivateCheckoutUnderALongPath() async throws {
        try await withTemporaryDirectory { directory in
            let length = 120
            let checkout = "\(directory)/".padding(to: length)
            try #require(checkout.utf8.count == length)
            try Files.createDirectory("\(checkout)/.build/debug", mode: 0o700)
            #expect(chmod(checkout, 0o700) == 0)
            let products = try BuiltHost.products()
            for name in ["callwaiting", "callwaiting-dev"] {
                try await copy("\(products)/\(name)", to: "\(checkout)/.build/debug/\(name)")
            }
            let sql = #filePath.replacing("Tests/EndToEnd/DevelopmentHostTests.swift", with: "sql")
            try await copy(sql, to: "\(checkout)/sql")

            let demo = try BuiltHost.start(
                ["demo"], in: checkout, executable: "\(checkout)/.build/debug/callwaiting-dev")
            let status = await demo.process.exitStatus
            let printed = try demo.printed()
            #expect(status == .code(0), "\(printed)")
            #expect(printed.split(separator: "\n").last == "demo: ok")
            #expect(Files.exists("\(demo.state)/reply.mp3"))
            #expect(!Files.exists("\(demo.state)/sockets") && !Files.exists("\(demo.state)/dev.json"))
            try await PostgresCluster.remove("\(demo.state)/postgres", logger: Logger(label: "test"))
        }
    }

    private func copy(_ source: String, to target: String) async throws {
        let copied = try await Command("/bin/cp", ["-r", source, target]).output()
        try #require(copied.status.isSuccess, "\(copied.text)")
    }
}

extension String {
    /// This path with a last part that makes it `length` bytes long.
    fileprivate func padding(to length: Int) -> String {
        self + String(repeating: "x", count: max(1, length - utf8.count))
    }

    /// The directory of this path, made when it was not there.
    fileprivate func made() throws -> String {
        try Files.createDirectory(self, mode: 0o711)
        return self
    }
}
