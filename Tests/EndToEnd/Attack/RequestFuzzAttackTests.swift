import DevHost
import FoundationEssentials
import FunctionJSON
import FunctionTesting
import Glibc
import HTTPTypes
import Testing

@testable import callwaiting

extension EndToEnd {
    /// Requests that nobody would write. `ATTACK_SEED` repeats a run.
    @Suite struct RequestFuzzAttackTests {
        /// SplitMix64: the same requests for the same seed.
        struct Random: RandomNumberGenerator {
            var state: UInt64
            mutating func next() -> UInt64 {
                state &+= 0x9E37_79B9_7F4A_7C15
                var z = state
                z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
                z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
                return z ^ (z >> 31)
            }
        }

        static let good = [
            "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n",
            "GET /api/usage-report?a=b%20c HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer a.b.c\r\nCookie: sb-access-token=x\r\n\r\n",
            "POST /auth/v1/signup HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 35\r\n\r\n{\"email\":\"a@b.c\",\"password\":\"short\"}",
            "POST /api/create-agent HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
            "PATCH /api/agents/00000000-0000-4000-8000-000000000000 HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}",
            "GET /audio/00000000000000000000000000000000.mp3?expires=1&signature=x HTTP/1.1\r\nHost: x\r\nRange: bytes=0-1\r\n\r\n",
            "OPTIONS /api/agents HTTP/1.1\r\nHost: x\r\nOrigin: https://app.example\r\nAccess-Control-Request-Method: GET\r\n\r\n",
        ].map { Array($0.utf8) }

        static let pieces = [
            "\r\n", "\n", "\r", "\0", ":", " ", "\t", "%", "%00", "%0d%0a", "../", "//", "?", "#", ";", ",", "\"",
            "\u{FF}", "HTTP/1.1",
            "HTTP/9.9", "Transfer-Encoding: chunked\r\n", "Content-Length: 5\r\n", "Content-Length: -1\r\n",
            "Host: y\r\n",
            "Expect: 100-continue\r\n", "Upgrade: h2c\r\n", "ffffffffffffffff\r\n", "0\r\n\r\n", "[[[[", "{\"a\":",
            "\\u0000", "\\ud800",
        ].map { Array($0.utf8) }

        static func mutated(_ random: inout Random) -> [UInt8] {
            var bytes = good.randomElement(using: &random)!
            for _ in 0..<Int.random(in: 1...4, using: &random) where !bytes.isEmpty {
                let place = bytes.indices.randomElement(using: &random)!
                switch Int.random(in: 0..<5, using: &random) {
                case 0: bytes[place] = UInt8.random(in: 0 ... .max, using: &random)
                case 1: bytes.remove(at: place)
                case 2: bytes.insert(contentsOf: pieces.randomElement(using: &random)!, at: place)
                case 3: bytes.removeLast(min(bytes.count - 1, Int.random(in: 1...20, using: &random)))
                default: bytes.insert(contentsOf: good.randomElement(using: &random)!, at: place)
                }
            }
            return bytes
        }

        @Test(
            "whatever bytes come, the answer is HTTP, never our fault, and the server goes on",
            arguments: [Host.http, .behind(.nginx)])
        func bytes(_ host: Host) async throws {
            let bed = try await TestBed.shared.value
            let seed = getenv("ATTACK_SEED").flatMap { UInt64(String(cString: $0)) } ?? UInt64.random(in: 0 ... .max)
            var random = Random(state: seed)
            try await host.serve(bed) { sender in
                let port = try #require(sender as? HTTPSender).port
                let count = Effort.pick(1_000, long: 100_000)
                for index in 0..<count {
                    let request = Self.mutated(&random)
                    var (answer, ended) = try Self.ask(port, request)
                    // Whoever closes their half is gone for nginx, which closes its connection to us and opens another for
                    // the next, sooner than we take them: 502 says that the queue of the socket is full.
                    for _ in 0..<100 where host != .http && answer.starts(with: "HTTP/1.1 502".utf8) {
                        try await Task.sleep(for: .milliseconds(100))
                        (answer, ended) = try Self.ask(port, request)
                    }
                    let text = String(decoding: answer, as: UTF8.self)
                    let wrong = !ended || !(answer.isEmpty || text.hasPrefix("HTTP/1.")) || text.hasPrefix("HTTP/1.1 5")
                    // nginx says 505 of a version, and 501 of a coding, that it does not know, and speaks HTTP/0.9, where
                    // an answer is a body without a head: nginx's own, or what we said of a path.
                    let isWithoutHead =
                        host != .http && ended && Self.isWithoutVersion(request) && !text.hasPrefix("HTTP/")
                    let excused =
                        ["HTTP/1.1 505", "HTTP/1.1 501", "<html>"].contains { text.hasPrefix($0) }
                        || isWithoutHead && !text.contains(#""status":5"#)
                    #expect(
                        !wrong || excused,
                        "seed \(seed), number \(index): \(String(decoding: request, as: UTF8.self).debugDescription): \(text.prefix(80))"
                    )
                    if wrong && !excused {
                        let log = FileManager.default.contents(
                            atPath: "\(bed.directory)/state/logs/\(Supervisor.logName)")
                        print(String(decoding: log ?? Data(), as: UTF8.self).suffix(3_000))
                        break
                    }
                }
                #expect(try await eventually { try await sender.get("/healthz").status == .ok })
                Effort.tried(count, "mutated requests, \(host.testDescription)")
            }
        }

        /// Whether the first line is all there is of a head: a method and a target.
        private static func isWithoutVersion(_ request: [UInt8]) -> Bool {
            let line = request.prefix { $0 != UInt8(ascii: "\n") }.filter { $0 != UInt8(ascii: "\r") }
            return line.split(separator: UInt8(ascii: " ")).count == 2
        }

        private static func ask(_ port: Int, _ request: [UInt8]) throws -> (bytes: [UInt8], ended: Bool) {
            let connection = try RawConnection(port: port)
            connection.send(request)
            connection.finishSending()
            return connection.readToEnd()
        }

        static let documents = [
            "", " ", "null", "true", "0", "\"x\"", "[]", "{}{}", "{]", "{\"a\"}", "{\"a\":}", "{,}", "{\"a\":1,}",
            "{\"a\":01}", "{\"a\":1e999}",
            "{\"a\":-}", "{\"a\":.1}", "{\"a\":+1}", "{\"a\":NaN}", "{\"a\":Infinity}", "{\"a\":0x1}", "{'a':1}",
            "{a:1}", "{\"a\":\"\t\"}",
            "{\"a\":\"\\x\"}", "{\"a\":\"\\u12\"}", "{\"a\":\"\\ud800\"}", "{\"a\":\"\\udc00\\ud800\"}",
            "{\"a\":1}/**/", "//\n{}", "\u{FEFF}{}",
            "{\"name\":1,\"name\":2}", "{\"a\":\"" + String(repeating: "x", count: 30_000) + "\"}",
            "{\"a\":" + String(repeating: "[", count: 20_000), "{\"a\":" + String(repeating: "{\"a\":", count: 9_000),
            "{\"a\":" + String(repeating: "9", count: 30_000) + "}",
            "{\"a\":1e" + String(repeating: "9", count: 30_000) + "}",
            "{" + (0..<3_000).map { "\"k\($0)\":0" }.joined(separator: ",") + "}",
            "[" + String(repeating: "0,", count: 15_000) + "0]",
            "{\"name\":{\"name\":[{}]},\"systemPrompt\":[],\"voiceId\":{}}",
        ]

        @Test("no JSON document makes an answer our fault, wherever it is sent")
        func hostileJSON() async throws {
            let bed = try await TestBed.shared.value
            let assembly = try await bed.assembly()
            let sender = TestClient(assembly.application)
            let person = try await Person.signUp(sender)
            let agent = try await person.createAgent()
            let targets = [
                "/api/create-agent", "/api/generate-voice", "/api/create-payment-link",
                "/api/agent/\(agent.agentId)/webhook",
                "/api/agent/\(agent.agentId)/rotate-key", "/auth/v1/signup", "/auth/v1/token?grant_type=password",
                "/auth/v1/token?grant_type=refresh_token", "/api/flutterwave-webhook",
            ]
            let fields: HTTPFields = [
                .authorization: "Bearer \(person.token)", .agentKey: agent.apiKey,
                .init("verif-hash")!: TestBed.secretHash,
            ]
            for document in Self.documents.map({ Array($0.utf8) }) + [
                [0xFF, 0xFE], [0x7B, 0xC0, 0xAF, 0x7D], [0xED, 0xA0, 0x80],
            ] {
                for target in targets {
                    let body = String(decoding: document, as: UTF8.self)
                    var request = TestRequest(.post, target, fields: fields, body: document)
                    request.fields[.contentType] = "application/json"
                    let response = try await sender.send(request)
                    #expect(
                        response.status.kind != .serverError,
                        "\(target): \(body.prefix(40)): \(response.text.prefix(100))")
                }
            }
            Effort.tried((Self.documents.count + 3) * targets.count, "hostile JSON documents")
            await assembly.services.shutdown()
        }
    }
}
