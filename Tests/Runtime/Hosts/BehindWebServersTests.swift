import FunctionCore
import Testing
import WebServers

/// What a caller sees of an application is the same, whichever web server is in front of it and however that is spoken
/// to, with the configurations of `deploy/`.
@Suite("Behind every web server", .serialized)
struct BehindWebServersTests {
    @Test("the server itself finds nothing wrong with the configuration", arguments: WebServer.allCases)
    func check(_ server: WebServer) async throws {
        let check = try await RunningSite.shared(server).site.check
        let path = temporaryPath()
        defer { removeAll(path) }
        let status = try await RunningProgram([check.executable] + check.arguments, output: path).exitStatus()
        #expect(status == 0)
    }

    @Test("with its TLS file nginx serves over TLS, and sends there whoever comes without")
    func tls() async throws {
        let path = temporaryPath()
        defer { for suffix in [".pem", ".key", ".out"] { removeAll(path + suffix) } }
        let openssl = try RunningProgram(
            [
                "/usr/bin/openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
                "-nodes",
                "-subj", "/CN=conformance.example", "-keyout", path + ".key", "-out", path + ".pem",
            ], output: "/dev/null")
        try #require(try await openssl.exitStatus() == 0)
        let port = try freePort()
        let edits = [
            ("#include snippets/callwaiting.tls;", "include snippets/callwaiting.tls;"),
            ("/etc/ssl/certs/callwaiting.pem", path + ".pem"), ("/etc/ssl/private/callwaiting.key", path + ".key"),
            ("listen 443 ssl", "listen 127.0.0.1:\(port) ssl"),
        ]
        try await RunningSite.with(.nginx, edits: edits) { site in
            let answer = try await site.send("GET", "/describe?x")
            #expect(answer.status == 308)
            #expect(answer.fields["location"] == "https://conformance.example/describe?x")
            let curl = try RunningProgram(
                [
                    "/usr/bin/curl", "-s", "-f", "--cacert", path + ".pem", "--resolve",
                    "conformance.example:\(port):127.0.0.1",
                    "https://conformance.example:\(port)/describe",
                ], output: path + ".out")
            #expect(try await curl.exitStatus() == 0)
        }
    }

    /// Paths and queries as callers write them, and as functions should see them.
    static let targets: [(target: String, path: String, query: String)] = [
        ("/describe", "/describe", ""),
        ("/describe?", "/describe", ""),
        ("/describe?x=1&y=%2F+a&z", "/describe", "x=1&y=%2F+a&z"),
        ("/describe?a+b", "/describe", "a+b"),
        ("/%64escribe", "/describe", ""),
        ("/describe/a%20b", "/describe/a b", ""),
        ("/describe/a+b", "/describe/a+b", ""),
        ("/describe/%C3%BCber", "/describe/über", ""),
        ("/describe/50%25", "/describe/50%", ""),
        ("/describe/%2525", "/describe/%25", ""),
        ("/describe/what%3F?x=%3F", "/describe/what?", "x=%3F"),
        ("/describe/a;b=c,d:e@f!$&'()*~-._", "/describe/a;b=c,d:e@f!$&'()*~-._", ""),
        ("//describe///x?y", "/describe/x", "y"),
    ]

    @Test("a path leads to the same route, and a query arrives as it was written", arguments: WebServer.allCases)
    func targets(_ server: WebServer) async throws {
        let site = try await RunningSite.shared(server)
        for (target, path, query) in Self.targets {
            let request = try #require(try await site.describe(target), "\(target)")
            #expect(request["path"] == path, "\(target)")
            #expect(request["query"] == query, "\(target)")
        }
        for target in ["/describe/", "/describe/x/", "/nothing/describe", "/describe/a/b", "/Describe"] {
            #expect(try await site.send("GET", target).status == 404, "\(target)")
        }
        // 400 where it reaches us, 404 where the web server does not let it through.
        for target in ["/describe/a%2Fb", "/describe/..%2Fbytes", "/describe/a%00", "/describe/a%zz"] {
            #expect([400, 404].contains(try await site.send("GET", target).status), "\(target)")
        }
    }

    @Test(
        "below a path of the operator's the routes are the same, and nothing else is ours",
        arguments: WebServer.allCases)
    func prefix(_ server: WebServer) async throws {
        try await RunningSite.with(server, below: "/voice") { site in
            for (target, path, query) in Self.targets where !target.hasPrefix("//") && !target.hasPrefix("/%") {
                let request = try #require(try await site.describe("/voice" + target), "\(target)")
                #expect(request["path"] == path, "\(target)")
                #expect(request["query"] == query, "\(target)")
            }
            #expect(try await site.send("GET", "/describe").status != 200)
            #expect(try await site.send("GET", "/voicemail/describe").status != 200)
        }
    }

    @Test("a caller's fields arrive, Authorization among them, and what only looks like ours does not count")
    func fields() async throws {
        for server in WebServer.allCases {
            let site = try await RunningSite.shared(server)
            let request = try #require(
                try await site.describe(
                    "/describe",
                    fields: [
                        ("Authorization", "Bearer a.b.c"), ("X-Agent-Key", "agt_1"), ("Cookie", "a=b; c=d"),
                        ("Proxy", "http://evil.example"), ("Content_Length", "999"), ("X-Empty", ""),
                    ]))
            #expect(request["field authorization"] == "Bearer a.b.c", "\(server)")
            #expect(request["field x-agent-key"] == "agt_1", "\(server)")
            #expect(request["field cookie"] == "a=b; c=d", "\(server)")
            #expect(request["field proxy"] == nil, "\(server)")
            #expect(request["proxy-environment"] == "absent", "\(server)")
            #expect(["0", nil].contains(request["field content-length"]), "\(server)")
            #expect(request["client"] == "127.0.0.1", "\(server)")
            #expect(request["method"] == "GET", "\(server)")
        }
    }

    @Test("every status arrives, 204 and 304 without a body", arguments: WebServer.allCases)
    func statuses(_ server: WebServer) async throws {
        let site = try await RunningSite.shared(server)
        for code in [200, 201, 302, 400, 401, 402, 404, 409, 422, 429, 500, 503] {
            let answer = try await site.send("GET", "/status/\(code)")
            #expect(answer.status == code && answer.isComplete)
            #expect(answer.text == "status \(code)\n")
            #expect(answer.fields["location"] == (code == 302 ? "http://conformance.example/elsewhere" : nil))
        }
        for code in [204, 304] {
            let answer = try await site.send("GET", "/status/\(code)")
            #expect(answer.status == code)
            #expect(answer.body.isEmpty)
            #expect(answer.fields["etag"] == (code == 304 ? "\"1\"" : nil))
        }
        let problem = try await site.send("GET", "/problem")
        #expect(problem.status == 422 && problem.text.contains("validation_failed"))
        #expect(problem.fields["content-type"] == "application/problem+json")
        // Some refuse a POST without a body themselves.
        let method = try await site.send("POST", "/problem", body: server.readsOnAfterAnAnswer ? Array("x".utf8) : [])
        #expect(method.status == 405 && method.fields["allow"]?.contains("GET") == true)
    }

    @Test("HEAD has the fields of GET and no body", arguments: WebServer.allCases)
    func head(_ server: WebServer) async throws {
        let site = try await RunningSite.shared(server)
        for target in ["/bytes/5000", "/bytes/5000/streamed", "/describe"] {
            let answer = try await site.send("HEAD", target)
            #expect(answer.status == 200)
            #expect(answer.body.isEmpty)
            // Apache leaves it out, which HEAD may.
            if target == "/bytes/5000" { #expect(["5000", nil].contains(answer.fields["content-length"])) }
        }
        #expect(try await site.send("HEAD", "/nothing").status == 404)
    }

    /// `#expect` would look for the difference between two long arrays, for minutes.
    private func expectSame(
        _ answer: Transport.Answer, _ body: [UInt8], sourceLocation: SourceLocation = #_sourceLocation
    ) {
        let isSame = answer.body == body
        #expect(
            answer.isComplete && isSame, "\(body.count) bytes became \(answer.body.count), status \(answer.status)",
            sourceLocation: sourceLocation)
    }

    static func bytes(_ count: Int) -> [UInt8] { (0..<count).map { UInt8(truncatingIfNeeded: $0 % 251 + $0 / 251) } }

    @Test("bytes of every value arrive in both directions, at every size", arguments: WebServer.allCases)
    func bodies(_ server: WebServer) async throws {
        let site = try await RunningSite.shared(server)
        for count in [0, 1, 65_535, 65_536, 300_000] {
            let sent = Self.bytes(count)
            let answer = try await site.send("GET", "/bytes/\(count)")
            expectSame(answer, sent)
            let stream = try await site.send("GET", "/bytes/\(count)/streamed")
            expectSame(stream, sent)
            let echo = try await site.send("POST", "/echo", body: sent)
            expectSame(echo, sent)
        }
        let largest = Self.bytes(1_024 * 1_024)
        expectSame(try await site.send("POST", "/echo", body: largest), largest)
    }

    @Test("a body in chunks arrives whole", arguments: WebServer.allCases)
    func chunks(_ server: WebServer) async throws {
        let site = try await RunningSite.shared(server)
        // HAProxy has to hold all of it in one buffer (tune.bufsize, 16 KiB).
        let body = Self.bytes(server == .haproxy ? 10_000 : 100_000)
        var chunked: [UInt8] = []
        for start in stride(from: 0, to: body.count, by: 7_919) {
            let piece = body[start..<min(start + 7_919, body.count)]
            chunked += Array("\(String(piece.count, radix: 16))\r\n".utf8) + piece + Array("\r\n".utf8)
        }
        let answer = try await site.send(
            "POST", "/echo", fields: [("Transfer-Encoding", "chunked")], body: chunked + Array("0\r\n\r\n".utf8))
        #expect(answer.status == 200)
        expectSame(answer, body)
    }

    @Test("what is streamed arrives as it is produced", arguments: WebServer.allCases)
    func streams(_ server: WebServer) async throws {
        let site = try await RunningSite.shared(server)
        let name = "stream-\(server)"
        try await RawClient.with(site.address) { client in
            try await client.send(RunningSite.request("GET", "/pieces/\(name)"))
            // The second piece is not made before the first is here.
            try await client.bytes { String(decoding: $0, as: UTF8.self).contains("begun") }
            try site.put("\(name).go")
            let answer = try Transport.http.read(try await client.bytesUntilEnd())
            #expect(answer.isComplete)
            #expect(answer.text == "begun ended")
        }
    }

    /// The answer to a POST, as soon as it is whole by its own framing.
    private func answer(_ target: String, _ body: [UInt8], _ site: RunningSite) async throws -> Transport.Answer {
        try await RawClient.with(site.address) { client in
            // What the server does not take is given up when the connection is closed.
            Task { try? await client.send(RunningSite.request("POST", target, body: body)) }
            let bytes = try await client.bytes { bytes in
                guard let answer = try? Transport.http.read(bytes) else { return false }
                return answer.isComplete && answer.fields["content-length"] != nil
            }
            return try Transport.http.read(bytes)
        }
    }

    @Test("a refusal is readable although the body was not read", arguments: WebServer.allCases)
    func refusals(_ server: WebServer) async throws {
        let site = try await RunningSite.shared(server)
        // HAProxy at times leaves the rest of the body where it is, and the connection open. All others close it.
        func post(_ target: String, _ count: Int) async throws -> Transport.Answer {
            if server == .haproxy { return try await answer(target, Self.bytes(count), site) }
            return try await site.send("POST", target, body: Self.bytes(count))
        }
        if server.readsOnAfterAnAnswer {
            let large = try await post("/echo/small", 300_000)
            #expect(large.status == 413)
            #expect(large.text.contains("body_too_large"))
            let missing = try await post("/nothing", 300_000)
            #expect(missing.status == 404)
            #expect(missing.text.contains("not_found"))
        }
        // Beyond a megabyte it may be the web server's own refusal, which comes while we still send.
        if server == .haproxy {
            #expect(try await answer("/echo", Self.bytes(2_000_000), site).status == 413)
            return
        }
        let huge = try await RawClient.with(site.address) { client -> [UInt8] in
            try? await client.send(RunningSite.request("POST", "/echo", body: Self.bytes(2_000_000)))
            return try await client.bytesUntilEnd()
        }
        #expect(try Transport.http.read(huge).status == (server == .apacheFcgid ? 500 : 413))
    }

    @Test("a Content-Length that is wrong gets nothing done", arguments: WebServer.allCases)
    func contentLength(_ server: WebServer) async throws {
        let site = try await RunningSite.shared(server)
        for length in ["-1", "five", "0x5", "99999999999999999999999999", "5, 6"] {
            let answer = try await RawClient.with(site.address) { client in
                try await client.send(
                    RunningSite.request("POST", "/echo", fields: [("Content-Length", length)]) + Array("hello".utf8))
                return try Transport.http.read(try await client.bytesUntilEnd())
            }
            #expect([400, 413].contains(answer.status), "\(length)")
        }
        // Too short: the caller leaves in the middle.
        try await RawClient.with(site.address) { client in
            try await client.send(RunningSite.request("POST", "/echo", fields: [("Content-Length", "9")]) + [1, 2, 3])
        }
        #expect(try await site.send("POST", "/echo", body: [1, 2, 3]).body == [1, 2, 3])
    }

    @Test("a caller that leaves cancels the work", arguments: WebServer.allCases.filter(\.noticesLeaving))
    func leaves(_ server: WebServer) async throws {
        let site = try await RunningSite.shared(server)
        let name = "leave-\(server)"
        try await RawClient.with(site.address) { client in
            try await client.send(RunningSite.request("GET", "/wait/\(name)"))
            try await site.wait(for: "\(name).waiting")
        }
        try await site.wait(for: "\(name).cancelled")
    }

    @Test("several callers at once are all answered", arguments: WebServer.allCases)
    func concurrent(_ server: WebServer) async throws {
        let site = try await RunningSite.shared(server)
        try await withThrowingTaskGroup(of: Bool.self) { group in
            for index in 1...(server.isCGI ? 8 : 24) {
                group.addTask {
                    let body = Self.bytes(index * 997)
                    return try await site.send("POST", "/echo", body: body).body == body
                }
            }
            for try await isSame in group { #expect(isSame) }
        }
    }
}

extension WebServer {
    /// Whether it takes an answer that comes before the body was read. cgi-fcgi leaves with the answer, and fcgiwrap
    /// makes a 502 of a body that nobody takes: in 5 of 400 requests with one byte.
    var readsOnAfterAnAnswer: Bool { self != .nginxBridge }

    /// Whether the server tells the application at once, and every time, that a caller has left while nothing is being
    /// sent. lighttpd ends a CGI program then, but once in three runs of all tests it had not after ten seconds; we do
    /// not know why. The others notice when they next send something.
    var noticesLeaving: Bool {
        switch self {
        case .nginx, .nginxSpawnFCGI: true
        default: false
        }
    }
}
