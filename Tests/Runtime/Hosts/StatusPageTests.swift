import FunctionChannel
import FunctionCore
import FunctionService
import FunctionTesting
import Glibc
import NIOCore
import Testing

@Suite("Status page")
struct StatusPageTests {
    private struct Source: StatusSource {
        func metrics() async -> [MetricGroup] {
            [
                MetricGroup(
                    "things",
                    [
                        Metric(
                            "things", .gauge, nil, "With \"quotes\", a \\ and\na line's end",
                            [.init([("kind", "a \"b\"\\\nc")], .integer(1))]),
                        Metric("nothing", .counter, nil, "No sample", []),
                    ])
            ]
        }
    }

    /// Serves a scripted responder, and its page on a private socket; `body` gets both. The server drains for longer
    /// than a test takes to find on the page what it looks for meanwhile.
    private func withPage(
        limits: ServingLimits = .init(), _ responder: ScriptedResponder = .init(), loops: Int = 2,
        _ body: (TestServer, SocketAddress) async throws -> Void
    ) async throws {
        let path = temporaryPath()
        let configure: (inout Server.Configuration) -> Void = {
            $0.loops = loops
            $0.drainTime = .seconds(60)
        }
        try await withServer(responder, limits: limits, configure: configure) { server in
            let page = StatusPage(
                program: "test", version: "1.2", server: server.server, sources: [Source(), ProcessStatistics()])
            try await page.serve(on: .unix(path: path, mode: 0o600), logger: .silent) {
                #expect(mode(of: path) == 0o600)
                try await body(server, try SocketAddress(unixDomainSocketPath: path))
            }
        }
        #expect(mode(of: path) == nil)
    }

    private func get(_ path: String, _ address: SocketAddress) async throws -> Transport.Answer {
        try await RawClient.with(address) { client in
            try await client.send(Transport.http.request("GET", path))
            return try Transport.http.read(await client.bytesUntilEnd())
        }
    }

    /// The page, once it says all of this: what an event loop that is busy for a second knows is not on it.
    private func page(_ path: String, _ address: SocketAddress, saying texts: [String]) async throws -> String {
        var text = ""
        try await eventually {
            text = try await get(path, address).text
            return texts.allSatisfy { text.contains($0) }
        }
        return text
    }

    private func number(_ name: String, _ address: SocketAddress) async throws -> Int? {
        let json = try await get("/status?format=json", address)
        return try TestResponse(status: .ok, fields: [:], body: json.body).json[name]?.integer
    }

    @Test("what has been answered is counted, by function, status and problem")
    func counts() async throws {
        try await withPage { server, address in
            for path in ["/hello", "/hello", "/missing", "/broken"] {
                _ = try await Transport.fastCGI.send("GET", path, to: server)
            }
            _ = try await Transport.http.send("POST", "/echo", declaring: 2_000, to: server)
            _ = try await page(
                "/metrics", address,
                saying: [
                    #"test_requests_total{function="none",status="2xx"} 3"# + "\n",
                    #"test_requests_total{function="none",status="4xx"} 2"# + "\n",
                    #"test_problems_total{code="body_too_large"} 1"# + "\n", "test_requests_broken_total 1\n",
                    #"test_request_duration_seconds_count{function="none"} 5"# + "\n",
                ])
            #expect(try await number("connections_accepted", address) == 5)
        }
    }

    @Test("?full lists requests in flight, and nothing of their queries", arguments: ["text", "json"])
    func lists(_ format: String) async throws {
        let responder = ScriptedResponder(deadline: .seconds(60))
        try await withPage(responder) { server, address in
            try await RawClient.with(server.address(.http)) { client in
                try await client.send(
                    "GET /stubborn/a%20b?key=secret HTTP/1.1\r\nHost: a\r\nAuthorization: secret\r\n\r\n")
                await responder.events.wait(for: "waiting")
                try await RawClient.with(server.address(.http)) { reading in
                    try await reading.send("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 500\r\n\r\nx")
                    try await eventually { try await number("requests_in_flight", address) == 2 }
                    let path = format == "json" ? "/stubborn/a b" : "/stubborn/a%20b"
                    let full = try await page(
                        "/status?full&format=\(format)", address, saying: ["running", "reading", "127.0.0.1", path])
                    #expect(!full.contains("secret"))
                    // One that counts both requests knows of them.
                    var brief = ""
                    try await eventually {
                        brief = try await get("/status?format=\(format)", address).text
                        return brief.contains(#/requests_in_flight"?:?\s*2[,\n]/#)
                    }
                    #expect(!brief.contains("/stubborn"))
                }
                responder.events.add("release")
                _ = try await client.text(endingWith: "late")
            }
            try await eventually { try await number("requests_in_flight", address) == 0 }
            #expect(try await number("requests_running_maximum", address) == 1)
        }
    }

    @Test("it answers while the server drains, and says so")
    func draining() async throws {
        let responder = ScriptedResponder(deadline: .seconds(60))
        try await withPage(responder) { server, address in
            try await eventually { try await get("/healthz", address).text == #"{"status":"serving"}"# }
            try await RawClient.with(server.address(.http)) { client in
                try await client.send("GET /stubborn HTTP/1.1\r\nHost: a\r\n\r\n")
                await responder.events.wait(for: "waiting")
                server.server.triggerStop()
                try await eventually { try await get("/status", address).text.contains("draining") }
                try await eventually { try await get("/healthz", address).text == #"{"status":"draining"}"# }
                responder.events.add("release")
                _ = try await client.bytesUntilEnd()
            }
        }
    }

    @Test("an event loop that is stuck is told of while it is, by the page that it cannot stop")
    func stuck() async throws {
        let responder = ScriptedResponder(deadline: .seconds(60))
        try await withPage(responder, loops: 1) { server, address in
            defer { responder.events.add("unblock") }
            try await RawClient.with(server.address(.http)) { client in
                try await client.send("GET /block HTTP/1.1\r\nHost: a\r\n\r\n")
                try await eventually { try await get("/healthz", address).status == 503 }
                #expect(try await number("event_loops_stuck", address) == 1)
                responder.events.add("unblock")
                _ = try await client.text(endingWith: "unblocked")
            }
            try await eventually { try await get("/healthz", address).status == 200 }
        }
    }

    @Test("what is asked for wrongly is refused")
    func refusals() async throws {
        try await withPage { _, address in
            #expect(try await get("/", address).status == 404)
            #expect(try await get("/status?format=xml", address).status == 404)
            let post = try await RawClient.with(address) { client in
                try await client.send(Transport.http.request("POST", "/status", body: []))
                return try Transport.http.read(await client.bytesUntilEnd())
            }
            #expect(post.status == 405)
        }
    }

    @Test("the metrics are OpenMetrics, as the reference parser reads them")
    func openMetrics() async throws {
        try await withPage { server, address in
            _ = try await Transport.http.send("GET", "/hello", to: server)
            let answer = try await get("/metrics", address)
            #expect(answer.fields["content-type"] == "application/openmetrics-text; version=1.0.0; charset=utf-8")
            #expect(answer.text.hasSuffix("\n# EOF\n"))
            let verdict = try parse(answer.body)
            #expect(verdict.hasPrefix("read "), "\(verdict)")
        }
    }

    /// What python3-prometheus-client's strict parser makes of the text.
    private func parse(_ bytes: [UInt8]) throws -> String {
        let file = temporaryPath()
        defer { unlink(file) }
        let stream = try #require(fopen(file, "w"))
        _ = fwrite(bytes, 1, bytes.count, stream)
        fclose(stream)
        let script =
            "import sys; from prometheus_client.openmetrics.parser import text_string_to_metric_families as p; "
            + "print('read', len(list(p(open(sys.argv[1]).read()))))"
        let pipe = try #require(popen("/usr/bin/python3 -c \"\(script)\" \(file) 2>&1", "r"))
        defer { pclose(pipe) }
        var text = ""
        var line = [CChar](repeating: 0, count: 1_024)
        while fgets(&line, CInt(line.count), pipe) != nil {
            text += String(decoding: line.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
        }
        return text
    }

    @Test(
        "an admin socket is a path or on the loopback interface",
        arguments: [
            ("/run/a.sock", Listener.Endpoint.unix(path: "/run/a.sock", mode: 0o600)),
            ("./a", .unix(path: "./a", mode: 0o600)),
            ("127.0.0.1:9000", .tcp(host: "127.0.0.1", port: 9_000)), ("[::1]:0", .tcp(host: "::1", port: 0)),
            ("localhost:1", .tcp(host: "localhost", port: 1)), ("0.0.0.0:9000", nil), ("192.0.2.1:80", nil),
            ("admin", nil),
            ("127.evil.example:80", nil),
        ])
    func endpoints(_ text: String, _ endpoint: Listener.Endpoint?) {
        #expect(Listener.Endpoint(private: text) == endpoint)
    }

    @Test("quantiles are the bounds that so many durations do not exceed")
    func quantiles() {
        var histogram = DurationHistogram()
        #expect(histogram.quantile(0.5) == nil)
        for milliseconds in 1...100 { histogram.add(.milliseconds(milliseconds)) }
        #expect(histogram.count == 100)
        #expect(histogram.quantile(0.5) == 0.05)
        #expect(histogram.quantile(0.01) == 0.001)
        #expect(histogram.quantile(1) == 0.1)
        histogram.add(.seconds(61))
        #expect(histogram.quantile(1) == .infinity)
        #expect(histogram.sum == .milliseconds(5_050) + .seconds(61))
    }
}
