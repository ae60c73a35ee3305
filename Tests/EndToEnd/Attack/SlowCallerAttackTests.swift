import DevHost
import Foundation
import FunctionTesting
import HTTPTypes
import Testing
import WebServers

@testable import callwaiting

extension EndToEnd {
    /// Callers that come in numbers, or never finish.
    @Suite struct SlowCallerAttackTests {
        @Test("hundreds of callers that never finish their sentence keep nobody else waiting, and cost little")
        func halfOpen() async throws {
            let bed = try await TestBed.shared.value
            let port = try freePort()
            let program = try ServedProgram.start(
                ["http", "--listen", "127.0.0.1:\(port)"], environment: bed.environment(),
                in: "\(bed.directory)/slow-\(port)")
            let sender = HTTPSender(baseURL: "http://127.0.0.1:\(port)", client: bed.client)
            do {
                try await sender.waitUntilReady()
                let person = try await Person.signUp(sender)
                let before = try Self.memory(of: program.process.processID)
                let count = Effort.pick(300, long: 3_000)
                let beginnings = [
                    "", "G", "GET / HTTP/1.1\r\n", "GET / HTTP/1.1\r\nHost: x\r\nX-A: ",
                    "POST /auth/v1/signup HTTP/1.1\r\nHost: x\r\nContent-Length: 16000\r\n\r\n{",
                    "POST /api/generate-voice HTTP/1.1\r\nHost: x\r\nContent-Length: 60000\r\n\r\n",
                    "POST /api/create-agent HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{",
                ]
                var connections: [RawConnection] = []
                for index in 0..<count {
                    let connection = try RawConnection(port: port)
                    connection.send(Array(beginnings[index % beginnings.count].utf8))
                    connections.append(connection)
                }
                for _ in 1...5 { #expect(try await person.usage().plan == "trial", "another is answered meanwhile") }
                let each = (try Self.memory(of: program.process.processID) - before) / count
                #expect(each < 100_000, "\(each) bytes each")
                Effort.tried(count, "callers that never finish")
                connections.removeAll()
                #expect(try await eventually { try await sender.get("/healthz").status == .ok })
            } catch {
                _ = await program.stop(SIGKILL)
                throw error
            }
            #expect(await program.stop().isSuccess)
        }

        /// Resident, in bytes.
        private static func memory(of process: pid_t) throws -> Int {
            let pages = try Files.read("/proc/\(process)/statm")?.split(separator: " ").dropFirst().first
            return try #require(pages.flatMap { Int($0) }) * 4_096
        }

        static let tooMuch: [(String, String, [Int])] = [
            ("a long path", "GET /\(String(repeating: "a", count: 9_000)) HTTP/1.1\r\nHost: x\r\n\r\n", [414]),
            ("a long query", "GET /healthz?\(String(repeating: "a", count: 9_000)) HTTP/1.1\r\nHost: x\r\n\r\n", [414]),
            (
                "a long field",
                "GET /healthz HTTP/1.1\r\nHost: x\r\nX-A: \(String(repeating: "a", count: 70_000))\r\n\r\n", [431]
            ),
            (
                "many fields",
                "GET /healthz HTTP/1.1\r\nHost: x\r\n\((0..<2_000).map { "X-\($0): a\r\n" }.joined())\r\n", [431]
            ),
            (
                "a large body declared", "POST /auth/v1/signup HTTP/1.1\r\nHost: x\r\nContent-Length: 17000\r\n\r\n",
                [413]
            ),
            (
                "a body beyond measure",
                "POST /auth/v1/signup HTTP/1.1\r\nHost: x\r\nContent-Length: 9223372036854775807\r\n\r\n", [413]
            ),
            (
                "a large body in chunks",
                "POST /auth/v1/signup HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5000\r\n\(String(repeating: " ", count: 0x5000))\r\n0\r\n\r\n",
                [413]
            ),
            (
                "JSON nested deeply",
                {
                    let body = String(repeating: "[", count: 15_000)
                    return
                        "POST /auth/v1/signup HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: \(body.utf8.count)\r\n\r\n\(body)"
                }(), [400]
            ),
        ]

        @Test("more than a request may have is refused, and says so")
        func bounds() async throws {
            let bed = try await TestBed.shared.value
            try await Host.http.serve(bed) { sender in
                let port = try #require(sender as? HTTPSender).port
                for (name, request, statuses) in Self.tooMuch {
                    let connection = try RawConnection(port: port)
                    connection.send(Array(request.utf8))
                    connection.finishSending()
                    let text = String(decoding: connection.readToEnd().bytes, as: UTF8.self)
                    #expect(statuses.contains(Int(text.dropFirst(9).prefix(3)) ?? 0), "\(name): \(text.prefix(60))")
                    #expect(text.contains("\"code\""), "\(name)")
                }
                Effort.tried(Self.tooMuch.count, "requests with too much of something")
            }
        }
    }
}
