import HTTPTypes
import Testing
import WebClient

@Suite("WebClient: what it sends")
struct RequestTests {
    private let ok = answer("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")

    @Test(
        "pass - a body goes out whole with its length, and without asking first",
        arguments: [HTTPRequest.Method.post, .put, .patch, .delete], [0, 5, 300_000])
    func body(_ method: HTTPRequest.Method, _ size: Int) async throws {
        let body = (0..<size).map { UInt8(truncatingIfNeeded: $0) }
        try await withServer(ok) { server, client in
            _ = try await client.send(request(server.url(), method, body: body))
            let received = try #require(server.requests.first)
            #expect(received.body == body)
            #expect(received.head.hasPrefix("\(method.rawValue) / HTTP/1.1\r\n"))
            #expect(received.fields["content-length"] == ["\(size)"])
            #expect(received.fields["expect"] == nil)
            #expect(received.fields["content-type"] == nil)
        }
    }

    @Test(
        "pass - POST, PUT and PATCH without a body say so; GET and DELETE say nothing",
        arguments: [
            (.post, ["0"]), (.put, ["0"]), (.patch, ["0"]), (.get, nil), (.delete, nil), (.options, nil),
        ] as [(HTTPRequest.Method, [String]?)])
    func noBody(_ method: HTTPRequest.Method, _ length: [String]?) async throws {
        try await withServer(ok) { server, client in
            _ = try await client.send(request(server.url(), method))
            let received = try #require(server.requests.first)
            #expect(received.head.hasPrefix("\(method.rawValue) / HTTP/1.1\r\n"))
            #expect(received.fields["content-length"] == length)
        }
    }

    @Test("pass - fields go out as given: repeated, empty, not ASCII")
    func fields() async throws {
        var configuration = WebClient.Configuration()
        configuration.userAgent = "Tester/1"
        try await withServer(with: configuration, ok) { server, client in
            var first = request(server.url(), .post, body: [])
            first.fields.append(.init(name: try #require(.init("X-Many")), value: "1"))
            first.fields.append(.init(name: try #require(.init("X-Many")), value: "2"))
            first.fields[try #require(.init("X-Empty"))] = ""
            first.fields[try #require(.init("X-Name"))] = "Adé"
            first.fields[.contentType] = "application/json"
            _ = try await client.send(first)
            var second = request(server.url())
            second.fields[.userAgent] = "Mine"
            _ = try await client.send(second)

            let received = try #require(server.requests.first)
            #expect(received.fields["x-many"] == ["1", "2"])
            #expect(received.fields["x-empty"] == [""])
            #expect(received.fields["x-name"] == ["Adé"])
            #expect(received.fields["content-type"] == ["application/json"])
            #expect(received.fields["user-agent"] == ["Tester/1"])
            #expect(server.requests.last?.fields["user-agent"] == ["Mine"])
        }
    }

    @Test(
        "fail - a line break in a value never begins another field",
        arguments: ["a\r\nX-Evil: 1", "a\nX-Evil: 1", "a\0b"])
    func lineBreak(_ value: String) async throws {
        try await withServer(ok) { server, client in
            var request = request(server.url())
            request.fields[try #require(.init("X-Value"))] = value
            _ = try? await client.send(request)
            #expect(server.requests.allSatisfy { $0.fields["x-evil"] == nil })

            var configuration = WebClient.Configuration()
            configuration.userAgent = value
            let other = WebClient(configuration, logger: quiet)
            #expect(await kind { try await other.send(request) } == .other(.badFunctionArgument))
            await other.shutdown()
        }
    }

    @Test(
        "fail - fields that decide framing are refused",
        arguments: ["Content-Length", "transfer-encoding", "Connection", "Expect", "TE", "Trailer", "Upgrade"])
    func reserved(_ name: String) async throws {
        try await withServer(ok) { server, client in
            var request = request(server.url(), .post, body: [1])
            request.fields[try #require(.init(name))] = "0"
            #expect(await kind { try await client.send(request) } == .other(.badFunctionArgument))
            #expect(server.accepted == 0)
        }
    }

    @Test(
        "fail - methods that are not requests for an answer with a body are refused",
        arguments: [(HTTPRequest.Method.connect, nil), (.head, [UInt8(1)])] as [(HTTPRequest.Method, [UInt8]?)])
    func methods(_ method: HTTPRequest.Method, _ body: [UInt8]?) async throws {
        try await withServer(ok) { server, client in
            let request = request(server.url(), method, body: body)
            #expect(await kind { try await client.send(request) } == .other(.badFunctionArgument))
            #expect(server.accepted == 0)
        }
    }

    @Test(
        "fail - only http and https",
        arguments: [
            "file:///etc/passwd", "ftp://127.0.0.1/", "gopher://127.0.0.1:1/", "127.0.0.1:80/", "", "/", "httpx://a/",
        ])
    func schemes(_ url: String) async throws {
        let client = WebClient(logger: quiet)
        #expect(await kind { try await client.send(request(url)) } == .other(.unsupportedProtocol))
        await client.shutdown()
    }

    @Test(
        "fail - a URL with control bytes or without a host",
        arguments: ["http://127.0.0.1/\0x", "http://a/\r\nb", "http://", "http:///"])
    func malformed(_ url: String) async throws {
        let client = WebClient(logger: quiet)
        #expect(await kind { try await client.send(request(url)) } == .other(.malformedURL))
        await client.shutdown()
    }
}
