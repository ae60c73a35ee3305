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

    /// Serves a scripted responder, and its page on a private socket; `body` gets both.
    private func withPage(
        limits: ServingLimits = .init(), _ responder: ScriptedResponder = .init(), loops: Int = 2,
        _ body: (TestServer, SocketAddress) async throws -> Void
    ) async throws {
        let path = temporaryPath()
        try await withServer(responder, limits: limits, configure: { $0.loops = loops }) { server in
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
            let text = try await get("/metrics", address).text
            #expect(text.contains(#"test_requests_total{function="none",status="2xx"} 3"# + "\n"))
            #expect(text.contains(#"test_requests_total{function="none",status="4xx"} 2"# + "\n"))
            #expect(text.contains(#"test_problems_total{code="body_too_large"} 1"# + "\n"))
            #expect(text.contains("test_requests_broken_total 1\n"))
            #expect(text.contains(#"test_request_duration_seconds_count{function="none"} 5"# + "\n"))
            #expect(try await number("connections_accepted", address) == 5)
        }
    }

    @Test("?full lists requests in flight, and nothing of their queries", arguments: ["text", "json"])
    func lists(_ format: String) async throws {
        let responder = ScriptedResponder()
        try await withPage(responder) { server, address in
            try await RawClient.with(server.address(.http)) { client in
                try await client.send(
                    "GET /stubborn/a%20b?key=secret HTTP/1.1\r\nHost: a\r\nAuthorization: secret\r\n\r\n")
                await responder.events.wait(for: "waiting")
                try await RawClient.with(server.address(.http)) { reading in
                    try await reading.send("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 500\r\n\r\nx")
                    try await eventually { try await number("requests_in_flight", address) == 2 }
                    let page = try await get("/status?full&format=\(format)", address).text
                    #expect(page.contains("running"))
                    #expect(page.contains("reading"))
                    #expect(page.contains("127.0.0.1"))
                    #expect(page.contains(format == "json" ? "/stubborn/a b" : "/stubborn/a%20b"))
                    #expect(!page.contains("secret"))
                    let brief = try await get("/status?format=\(format)", address).text
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
        let responder = ScriptedResponder()
        try await withPage(responder) { server, address in
            #expect(try await get("/healthz", address).text == #"{"status":"serving"}"#)
            try await RawClient.with(server.address(.http)) { client in
                try await client.send("GET /stubborn HTTP/1.1\r\nHost: a\r\n\r\n")
                await responder.events.wait(for: "waiting")
                server.server.triggerStop()
                try await eventually { try await get("/status", address).text.contains("draining") }
                #expect(try await get("/healthz", address).text == #"{"status":"draining"}"#)
                responder.events.add("release")
                _ = try await client.bytesUntilEnd()
            }
        }
    }

    @Test("an event loop that is stuck is told of within two seconds, by the page that it cannot stop")
    func stuck() async throws {
        try await withPage(loops: 1) { server, address in
            try await RawClient.with(server.address(.http)) { client in
                try await client.send("GET /block HTTP/1.1\r\nHost: a\r\n\r\n")
                try await eventually { try await get("/healthz", address).status == 503 }
                #expect(try await number("event_loops_stuck", address) == 1)
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
