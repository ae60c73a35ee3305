import Glibc
import HTTPTypes
import Testing
import WebClient

@Suite("WebClient: answers that send takes")
struct SendTests {
    @Test("pass - 200 with a body, fields in order")
    func wholeBody() async throws {
        try await withServer { connection in
            while connection.receive() != nil {
                connection.send("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX-Seen: a\r\nx-seen:b\r\n\r\nhello")
            }
        } _: { server, client in
            let response = try await client.send(request(server.url("/a/../b?query")))
            #expect(response.status == .ok)
            #expect(response.status.reasonPhrase == "OK")
            #expect(response.body == Array("hello".utf8))
            #expect(response.fields[values: try #require(HTTPField.Name("X-Seen"))] == ["a", "b"])
            #expect(server.requests.first?.head.hasPrefix("GET /a/../b?query HTTP/1.1\r\n") == true)
        }
    }

    @Test("pass - a connection is used again")
    func reuse() async throws {
        try await withServer(answer("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")) { server, client in
            for _ in 0..<5 { _ = try await client.send(request(server.url())) }
            #expect(server.requests.count == 5)
            #expect(server.accepted == 1)
        }
    }

    @Test("pass - a reused connection that was closed meanwhile is replaced")
    func closedBetween() async throws {
        try await withServer { connection in
            connection.receive()
            connection.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        } _: { server, client in
            for _ in 0..<5 {
                let response = try await client.send(request(server.url(), .post, body: [1, 2, 3]))
                #expect(response.body == Array("ok".utf8))
            }
            #expect(server.requests.count == 5)
        }
    }

    @Test(
        "pass - an answer without a body is not waited for",
        arguments: [
            ("HTTP/1.1 204 No Content\r\n\r\n", HTTPRequest.Method.get, 204),
            ("HTTP/1.1 304 Not Modified\r\nContent-Length: 99999999\r\n\r\n", .get, 304),
            ("HTTP/1.1 200 OK\r\nContent-Length: 99999999\r\n\r\n", .head, 200),
            ("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", .get, 200),
        ])
    func bodiless(_ answer: String, _ method: HTTPRequest.Method, _ status: Int) async throws {
        try await withServer(WebClientTests.answer(answer)) { server, client in
            let response = try await client.send(request(server.url(), method))
            #expect(response.status.code == status)
            #expect(response.body.isEmpty)
            #expect(server.requests.first?.head.hasPrefix("\(method.rawValue) / HTTP/1.1\r\n") == true)
        }
    }

    @Test("pass - a redirect is an answer, and is not followed")
    func redirect() async throws {
        try await withServer(
            answer("HTTP/1.1 302 Found\r\nLocation: /elsewhere\r\nContent-Length: 0\r\n\r\n")
        ) { server, client in
            let response = try await client.send(request(server.url()))
            #expect(response.status == .found)
            #expect(response.fields[.location] == "/elsewhere")
            #expect(server.requests.count == 1)
        }
    }

    @Test("pass - a chunked body is joined, and trailers are dropped")
    func chunked() async throws {
        try await withServer(
            answer(
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
                    + "3\r\nabc\r\n4;ext=1\r\ndefg\r\n0\r\nX-Trailer: 1\r\n\r\n")
        ) { server, client in
            let response = try await client.send(request(server.url()))
            #expect(response.body == Array("abcdefg".utf8))
            #expect(response.fields.map(\.name.canonicalName) == ["transfer-encoding"])
        }
    }

    @Test("pass - a body that ends with the connection is whole")
    func closeDelimited() async throws {
        try await withServer { connection in
            connection.receive()
            connection.send("HTTP/1.0 200 OK\r\n\r\nuntil the end")
        } _: { server, client in
            let response = try await client.send(request(server.url()))
            #expect(response.body == Array("until the end".utf8))
        }
    }

    @Test("pass - 1xx heads before the answer are passed over")
    func informational() async throws {
        try await withServer(
            answer(
                "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n"
                    + "HTTP/1.1 201 Created\r\nContent-Length: 2\r\nX: y\r\n\r\nok")
        ) { server, client in
            let response = try await client.send(request(server.url()))
            #expect(response.status == .created)
            #expect(response.fields.map(\.name.canonicalName) == ["content-length", "x"])
        }
    }

    @Test("pass - a body exactly as large as the limit", arguments: [0, 1, 100_000])
    func exactLimit(_ size: Int) async throws {
        try await withServer(
            answer("HTTP/1.1 200 OK\r\nContent-Length: \(size)\r\n\r\n" + String(repeating: "x", count: size))
        ) { server, client in
            var request = request(server.url())
            request.responseLimit = size
            let response = try await client.send(request)
            #expect(response.body.count == size)
        }
    }

    @Test("pass - an answer arrives whole whose lines and body are longer than what is read at once")
    func longerThanBuffer() async throws {
        let (line, body) = (String(repeating: "l", count: 3_000), String(repeating: "b", count: 20_000))
        try await withServer(
            answer("HTTP/1.1 200 OK\r\nX: \(line)\r\nContent-Length: \(body.count)\r\n\r\n\(body)")
        ) { server, client in
            let response = try await client.send(request(server.url()))
            #expect(response.fields.first?.value == line)
            #expect(response.body == Array(body.utf8))
        }
    }

    @Test("pass - a coded body arrives as it was sent")
    func coded() async throws {
        let gzip: [UInt8] = [
            0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 3, 0x4B, 0x4C, 0x4A, 6, 0, 0xC2, 0x41, 0x24, 0x35, 3, 0, 0, 0,
        ]
        try await withServer { connection in
            connection.receive()
            connection.send("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: \(gzip.count)\r\n\r\n")
            connection.send(gzip)
        } _: { server, client in
            let response = try await client.send(request(server.url()))
            #expect(response.body == gzip)
            #expect(server.requests.first?.head.lowercased().contains("accept-encoding") == false)
        }
    }

    @Test("pass - an error status is an answer", arguments: [400, 402, 429, 500, 503, 599])
    func errorStatus(_ status: Int) async throws {
        try await withServer(answer("HTTP/1.1 \(status) No\r\nContent-Length: 2\r\n\r\nno")) { server, client in
            let response = try await client.send(request(server.url()))
            #expect(response.status.code == status)
            #expect(response.body == Array("no".utf8))
        }
    }

    @Test("pass - 200 requests at once all get their own answer")
    func concurrent() async throws {
        try await withServer { connection in
            while let received = connection.receive() {
                let path = received.head.split(separator: " ")[1]
                connection.send("HTTP/1.1 200 OK\r\nContent-Length: \(path.utf8.count)\r\n\r\n\(path)")
            }
        } _: { server, client in
            let answers = try await withThrowingTaskGroup(of: (Int, [UInt8]).self) { group in
                for number in 0..<200 {
                    group.addTask { (number, try await client.send(request(server.url("/\(number)"))).body) }
                }
                return try await group.reduce(into: [:]) { $0[$1.0] = $1.1 }
            }
            #expect(answers.count == 200)
            for (number, body) in answers { #expect(body == Array("/\(number)".utf8)) }
        }
    }

    @Test("pass - the environment's proxy settings are ignored")
    func proxyEnvironment() async {
        await #expect(processExitsWith: .success) {
            for name in ["http_proxy", "HTTP_PROXY", "https_proxy", "all_proxy", "ALL_PROXY"] {
                setenv(name, "http://127.0.0.1:1", 1)
            }
            unsetenv("no_proxy")
            unsetenv("NO_PROXY")
            try await withServer(answer("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")) { server, client in
                let response = try await client.send(request(server.url("/direct")))
                #expect(response.status == .ok)
                #expect(server.requests.first?.head.hasPrefix("GET /direct ") == true)
            }
        }
    }
}
