import FunctionChannel
import FunctionCore
import FunctionService
import HTTPHost
import Testing

@Suite("HTTP host")
struct HTTPHostTests {
    /// What comes back for these bytes, up to the connection's end.
    func answer(_ text: String, limits: ServingLimits = .init()) async throws -> String {
        try await withServer(ScriptedResponder(), limits: limits) { server in
            try await RawClient.with(server.address(.http)) { client in
                try await client.send(text)
                return try await client.textUntilEnd()
            }
        }
    }

    @Test("a request is answered with its length and a date, and the connection stays")
    func keepsAlive() async throws {
        try await withServer(ScriptedResponder()) { server in
            try await RawClient.with(server.address(.http)) { client in
                try await client.send("GET /hello HTTP/1.1\r\nHost: a\r\n\r\n")
                let first = try await client.text(endingWith: "hello\n")
                #expect(first.hasPrefix("HTTP/1.1 200 OK\r\n"))
                #expect(first.contains("Content-Length: 6\r\n"))
                #expect(first.contains(" GMT\r\n"))
                #expect(!first.contains("Connection: close"))
                try await client.send("GET /empty HTTP/1.1\r\nHost: a\r\n\r\n")
                let both = try await client.text(endingWith: "GMT\r\n\r\n")
                #expect(both.dropFirst(first.count).hasPrefix("HTTP/1.1 204 No Content\r\n"))
            }
        }
    }

    @Test("a thousand requests in one write are answered one after the other, in order")
    func pipelines() async throws {
        let many = (0..<1_000).map { "GET /\($0 % 2 == 0 ? "hello" : "missing") HTTP/1.1\r\nHost: a\r\n\r\n" }.joined()
        let text = try await answer(many + "GET /empty HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        let statuses = text.split(separator: "\r\n").filter { $0.contains("HTTP/1.1 ") }
            .map { $0[$0.firstRange(of: "HTTP/1.1 ")!.upperBound...].prefix(3) }
        #expect(statuses.count == 1_001)
        #expect(statuses.prefix(4) == ["200", "404", "200", "404"])
        #expect(statuses.last == "204")
    }

    @Test("a pipelined request waits for the one before it")
    func pipelinesInOrder() async throws {
        let responder = ScriptedResponder()
        try await withServer(responder) { server in
            try await RawClient.with(server.address(.http)) { client in
                try await client.send("GET /stubborn HTTP/1.1\r\nHost: a\r\n\r\nGET /hello HTTP/1.1\r\nHost: a\r\n\r\n")
                await responder.events.wait(for: "waiting")
                responder.events.add("release")
                let text = try await client.text(endingWith: "hello\n")
                #expect(text.contains("late"))
            }
        }
    }

    @Test("a request that comes a byte at a time is the same request")
    func byteByByte() async throws {
        try await withServer(ScriptedResponder()) { server in
            try await RawClient.with(server.address(.http)) { client in
                for byte in "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc".utf8 {
                    try await client.send([byte])
                }
                #expect(try await client.text(endingWith: "abc").hasPrefix("HTTP/1.1 200"))
            }
        }
    }

    @Test("a chunked body is joined, and held to the same limit")
    func chunked() async throws {
        let head = "POST /echo HTTP/1.1\r\nHost: a\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n"
        #expect(
            try await answer(head + "3\r\nabc\r\n2;x=y\r\nde\r\n0\r\nTrailer: t\r\n\r\n").hasSuffix("\r\n\r\nabcde"))
        let chunk = "1f4\r\n" + String(repeating: "x", count: 500) + "\r\n"
        #expect(try await answer(head + chunk + chunk + chunk).hasPrefix("HTTP/1.1 413 "))
    }

    @Test("a caller that asks first is told to go ahead, unless the body is not wanted")
    func expectsContinue() async throws {
        try await withServer(ScriptedResponder()) { server in
            try await RawClient.with(server.address(.http)) { client in
                try await client.send(
                    "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n")
                #expect(try await client.text(endingWith: "\r\n\r\n") == "HTTP/1.1 100 Continue\r\n\r\n")
                try await client.send("abc")
                #expect(try await client.text(endingWith: "abc").contains("HTTP/1.1 200 OK"))
            }
        }
        let refused = try await answer(
            "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 9999\r\nExpect: 100-continue\r\n\r\n")
        #expect(refused.hasPrefix("HTTP/1.1 413 "))
        #expect(refused.contains("Connection: close\r\n"))
    }

    static let malformed = [
        "no host": "GET / HTTP/1.1\r\n\r\n",
        "two hosts": "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
        "a length and chunks":
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "chunks and a length":
            "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n",
        "two lengths": "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd",
        "a list of lengths": "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 3, 3\r\n\r\nabc",
        "a length with a sign": "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: +3\r\n\r\nabc",
        "a length beyond measure": "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999999999999\r\n\r\nabc",
        "another coding": "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        "a folded field": "GET /hello HTTP/1.1\r\nHost: a\r\nX-A: b\r\n c\r\n\r\n",
        "a space before the colon": "GET /hello HTTP/1.1\r\nHost : a\r\n\r\n",
        "a control character in a field": "GET /hello HTTP/1.1\r\nHost: a\r\nX-A: b\u{1}c\r\n\r\n",
        "a name that is no token": "GET /hello HTTP/1.1\r\nHost: a\r\nX(A): b\r\n\r\n",
        "another version": "GET /hello HTTP/2.0\r\nHost: a\r\n\r\n",
        "no version": "GET /hello\r\n\r\n",
        "a chunk without its length": "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n",
        "a TLS greeting": "\u{16}\u{03}\u{01}\u{02}\u{00}\u{01}\u{00}\u{01}",
        "a FastCGI record": "\u{01}\u{01}\u{00}\u{01}\u{00}\u{08}\u{00}\u{00}",
    ]

    @Test("what is not HTTP/1.1 beyond doubt is 400, and the connection ends", arguments: malformed.keys.sorted())
    func refusesMalformed(_ name: String) async throws {
        let text = try await answer(Self.malformed[name] ?? "")
        #expect(text.hasPrefix("HTTP/1.1 400 "), "\(name): \(text)")
        #expect(text.contains("Connection: close\r\n"))
        #expect(text.contains("application/problem+json"))
        #expect(!text.dropFirst(8).contains("HTTP/1.1"), "one answer only")
    }

    @Test("white space around a field's value is not part of it")
    func trimsValues() async throws {
        let text = try await answer(
            "GET /fields HTTP/1.1\r\nHost: a \r\nX-A: \t b c\t \r\nX-B: \t\r\nConnection: close \r\n\r\n")
        #expect(text.hasPrefix("HTTP/1.1 200 "))
        #expect(text.contains("x-a=b c"))
        #expect(!text.contains("x-b"), "nothing is left of this one")
        #expect(text.contains("Connection: close\r\n"))
        let post = "POST /echo HTTP/1.1\r\nHost: a\r\nConnection: close\r\n"
        #expect(try await answer(post + "Content-Length: 3 \r\n\r\nabc").hasSuffix("\r\n\r\nabc"))
        let chunked = post + "Transfer-Encoding: chunked \r\n\r\n3\r\nabc\r\n0\r\n\r\n"
        #expect(try await answer(chunked).hasSuffix("\r\n\r\nabc"))
    }

    @Test("fields beyond their bounds are 431")
    func boundsFields() async throws {
        let many = (0..<101).map { "X-\($0): a\r\n" }.joined()
        #expect(try await answer("GET /hello HTTP/1.1\r\nHost: a\r\n\(many)\r\n").hasPrefix("HTTP/1.1 431 "))
        let long = String(repeating: "x", count: 17_000)
        #expect(try await answer("GET /hello HTTP/1.1\r\nHost: a\r\nX-A: \(long)\r\n\r\n").hasPrefix("HTTP/1.1 431 "))
        let wide = (0..<5).map { "X-\($0): \(String(repeating: "y", count: 8_000))\r\n" }.joined()
        #expect(try await answer("GET /hello HTTP/1.1\r\nHost: a\r\n\(wide)\r\n").hasPrefix("HTTP/1.1 431 "))
        // Never a whole head.
        #expect(
            try await answer("GET /hello HTTP/1.1\r\nX-A: \(String(repeating: "z", count: 40_000))").hasPrefix(
                "HTTP/1.1 431 "))
    }

    @Test("a target longer than its bound is 414")
    func boundsTarget() async throws {
        let text = try await answer("GET /\(String(repeating: "p", count: 9_000)) HTTP/1.1\r\nHost: a\r\n\r\n")
        #expect(text.hasPrefix("HTTP/1.1 414 "))
    }

    @Test("HTTP/1.0 is answered and closed, and kept when it asks for that")
    func http10() async throws {
        let text = try await answer("GET /hello HTTP/1.0\r\n\r\n")
        #expect(text.hasPrefix("HTTP/1.1 200 OK\r\n"))
        #expect(text.hasSuffix("hello\n"))
        let streamed = try await answer("GET /stream/5000 HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
        #expect(!streamed.contains("chunked"))
        #expect(streamed.contains("Connection: close\r\n"))
        try await withServer(ScriptedResponder()) { server in
            try await RawClient.with(server.address(.http)) { client in
                try await client.send("GET /hello HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
                #expect(try await client.text(endingWith: "hello\n").contains("Connection: keep-alive\r\n"))
                try await client.send("GET /bytes/3 HTTP/1.0\r\n\r\n")
                #expect(try await client.bytesUntilEnd().suffix(3) == pattern(3)[...])
            }
        }
    }

    @Test("an upgrade asked for is ignored, and the connection ends after the answer")
    func ignoresUpgrade() async throws {
        let text = try await answer(
            "GET /hello HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n\r\n")
        #expect(text.hasPrefix("HTTP/1.1 200 OK\r\n"))
        #expect(text.contains("Connection: close\r\n"))
    }

    @Test("a head that comes too slowly is 408")
    func slowHead() async throws {
        var limits = ServingLimits()
        limits.headTimeout = .milliseconds(50)
        #expect(try await answer("GET /hello HTTP/1.1\r\nHos", limits: limits).hasPrefix("HTTP/1.1 408 "))
    }

    @Test("a connection without a request is closed without a word")
    func idle() async throws {
        var limits = ServingLimits()
        limits.idleTimeout = .milliseconds(50)
        try await withServer(ScriptedResponder(), limits: limits) { server in
            try await RawClient.with(server.address(.http)) { client in
                let text = try await client.textUntilEnd()
                #expect(text.isEmpty)
            }
        }
    }

    @Test("no caller can name its own address, unless it comes through a trusted proxy")
    func clientAddress() async throws {
        let request =
            "GET /address HTTP/1.1\r\nHost: a\r\nConnection: close\r\nX-Forwarded-For: 6.6.6.6, 203.0.113.9\r\n\r\n"
        #expect(try await answer(request).hasSuffix("\r\n\r\n127.0.0.1"))
        let trusted = try #require(TrustedProxies(["127.0.0.0/8"]))
        try await withServer(ScriptedResponder(), configure: { $0.trustedProxies = trusted }) { server in
            try await RawClient.with(server.address(.http)) { client in
                try await client.send(request)
                #expect(try await client.textUntilEnd().hasSuffix("\r\n\r\n203.0.113.9"))
            }
        }
    }

    @Test("a caller that closes its half waits for its answer, and gets it")
    func halfClosing() async throws {
        let responder = ScriptedResponder()
        try await withServer(responder) { server in
            try await RawClient.with(server.address(.http)) { client in
                try await client.send("GET /stubborn HTTP/1.1\r\nHost: a\r\n\r\n")
                await responder.events.wait(for: "waiting")
                try await client.finishSending()
                // What tells a caller that waits from one that has left.
                let interim = "HTTP/1.1 100 Continue\r\n\r\n"
                #expect(try await client.text(endingWith: interim) == interim)
                responder.events.add("release")
                let text = try await client.textUntilEnd()
                #expect(text.hasPrefix(interim + "HTTP/1.1 200 OK\r\n"))
                #expect(text.hasSuffix("\r\n\r\nlate"))
            }
        }
    }

    @Test("a caller that closed its half reads all of a long answer")
    func halfClosingAndLong() async throws {
        try await withServer(ScriptedResponder()) { server in
            try await RawClient.with(server.address(.http)) { client in
                try await client.send("GET /bytes/5000000 HTTP/1.0\r\n\r\n")
                try await client.finishSending()
                let answer = try Transport.http.read(await client.bytesUntilEnd())
                #expect(answer.body == pattern(5_000_000))
            }
        }
    }

    @Test("half a request is 400 for a caller that says no more")
    func halfClosingEarly() async throws {
        try await withServer(ScriptedResponder()) { server in
            try await RawClient.with(server.address(.http)) { client in
                try await client.send("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nhalf")
                try await client.finishSending()
                #expect(try await client.textUntilEnd().hasPrefix("HTTP/1.1 400 "))
            }
        }
    }

    @Test("the Proxy field never reaches a function")
    func httpoxy() async throws {
        let text = try await answer("GET /fields HTTP/1.1\r\nHost: a\r\nConnection: close\r\nProxy: evil\r\n\r\n")
        #expect(!text.contains("evil"))
    }
}
