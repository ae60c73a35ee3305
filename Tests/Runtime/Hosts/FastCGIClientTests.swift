import FastCGI
import FastCGIWire
import FunctionCore
import FunctionService
import HTTPTypes
import Testing

@Suite("FastCGI client and proxy")
struct FastCGIClientTests {
    func withClient<Result>(
        _ responder: ScriptedResponder = .init(), _ body: (FastCGIClient, TestServer) async throws -> Result
    ) async throws -> Result {
        try await withServer(responder) { server in
            let client = FastCGIClient(to: try server.address(.fastCGI))
            defer { client.shutdown() }
            return try await body(client, server)
        }
    }

    @Test("a response arrives whole, short or streamed", arguments: [0, 1, 65_536, 65_537, 2_000_000])
    func receives(_ count: Int) async throws {
        try await withClient { client, _ in
            let response = try await client.send(Transport.parameters("GET", "/bytes/\(count)"))
            #expect(response.status == .ok)
            #expect(try await response.collect() == pattern(count))
        }
    }

    @Test("one connection serves many requests")
    func reuses() async throws {
        try await withClient { client, server in
            for _ in 0..<20 {
                _ = try await client.send(Transport.parameters("POST", "/echo", length: 3), body: [1, 2, 3]).collect()
            }
            #expect(server.server.openConnections == 1)
        }
    }

    @Test("giving up a streamed response hangs up on the application")
    func givesUp() async throws {
        let responder = ScriptedResponder()
        try await withClient(responder) { client, _ in
            _ = try await client.send(Transport.parameters("GET", "/endless"))
            await responder.events.wait(for: "stream ended")
        }
        #expect(responder.events.all == ["stream ended"])
    }

    @Test("cancelling a request hangs up on the application")
    func cancels() async throws {
        let responder = ScriptedResponder()
        try await withClient(responder) { client, _ in
            let sending = Task { try await client.send(Transport.parameters("GET", "/wait")) }
            await responder.events.wait(for: "waiting")
            sending.cancel()
            await #expect(throws: CancellationError.self) { try await sending.value }
            await responder.events.wait(for: "cancelled")
        }
    }

    @Test(
        "a request over HTTP reaches the application behind, and its answer the caller",
        arguments: ["GET", "POST", "HEAD"])
    func proxies(_ method: String) async throws {
        try await withClient { client, _ in
            try await withServer(FastCGIProxy(client, logger: .silent)) { front in
                let body = method == "POST" ? pattern(300) : nil
                let path = method == "POST" ? "/echo" : "/stream/100000/declared"
                let answer = try await Transport.http.send(method, path, body: body, to: front)
                #expect(answer.status == 200)
                #expect(answer.isComplete)
                #expect(answer.fields["content-length"] == (method == "POST" ? "300" : "100000"))
                #expect(answer.body == (method == "HEAD" ? [] : body ?? pattern(100_000)))
            }
        }
    }

    @Test("the proxy passes fields on as variables, joined, and none that could stand for another")
    func passesFields() async throws {
        try await withClient { client, _ in
            try await withServer(FastCGIProxy(client, logger: .silent)) { front in
                try await RawClient.with(front.address(.http)) { raw in
                    let fields = "Host: h\r\nX-Key: 1\r\nX-Key: 2\r\nX_Key: 3\r\nProxy: p\r\nConnection: close\r\n"
                    try await raw.send("GET /fields?a=%20b HTTP/1.1\r\n\(fields)\r\n")
                    let text = try await raw.textUntilEnd()
                    #expect(text.hasSuffix("host=h\nx-key=1, 2"))
                }
            }
        }
    }

    @Test("an application that is not there is 502")
    func unreachable() async throws {
        let client = FastCGIClient(to: try .init(unixDomainSocketPath: "/tmp/callwaiting-nobody-here.sock"))
        try await withServer(FastCGIProxy(client, logger: .silent)) { front in
            let answer = try await Transport.http.send("GET", "/hello", to: front)
            #expect(answer.status == 502)
            #expect(answer.text.contains("application_unavailable"))
        }
    }

    @Test("an application started again is found again, though a kept connection has gone")
    func reconnects() async throws {
        let path = "/tmp/cw-\(RequestID().description.prefix(12)).sock"
        let client = FastCGIClient(to: try .init(unixDomainSocketPath: path))
        for _ in 0..<3 {
            try await withServer(
                ScriptedResponder(), configure: { $0.listeners = [Listener(.fastCGI, .unix(path: path))] }
            ) { _ in
                let response = try await client.send(Transport.parameters("GET", "/hello"))
                #expect(try await response.collect() == Array("hello\n".utf8))
            }
        }
    }
}

extension Response {
    /// The whole body.
    func collect() async throws -> [UInt8] {
        switch body {
        case .empty: return []
        case .bytes(let bytes): return bytes
        case .stream(_, let produce):
            let writer = CollectingWriter()
            try await produce(writer)
            return await writer.bytes
        }
    }
}

private actor CollectingWriter: BodyWriter {
    var bytes: [UInt8] = []
    func write(_ bytes: [UInt8]) { self.bytes += bytes }
}
