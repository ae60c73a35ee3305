import FunctionChannel
import FunctionCore
import FunctionService
import Glibc
import NIOCore
import Testing

@Suite("Server")
struct ServerTests {
    @Test(
        "a request under way when the server is stopped is finished, and the connection told to close",
        arguments: Transport.allCases)
    func drains(_ transport: Transport) async throws {
        let responder = ScriptedResponder()
        try await withServer(responder) { server in
            try await RawClient.with(server.address(transport.wireProtocol)) { client in
                let keeping =
                    transport == .http
                    ? Array("GET /stubborn HTTP/1.1\r\nHost: a\r\n\r\n".utf8)
                    : FastCGIHostTests.request(1, "GET", "/stubborn")
                try await client.send(keeping)
                await responder.events.wait(for: "waiting")
                server.server.triggerStop()
                try await eventually { await !isListening(try server.address(transport.wireProtocol)) }
                responder.events.add("release")
                let answer = try transport.read(await client.bytesUntilEnd())
                #expect(answer.text == "late")
                if transport == .http { #expect(answer.fields["connection"] == "close") }
            }
        }
    }

    @Test("idle connections do not hold up the end", arguments: Transport.allCases)
    func closesIdle(_ transport: Transport) async throws {
        try await withServer(ScriptedResponder()) { server in
            try await RawClient.with(server.address(transport.wireProtocol)) { client in
                let keeping =
                    transport == .http
                    ? Array("GET /hello HTTP/1.1\r\nHost: a\r\n\r\n".utf8)
                    : FastCGIHostTests.request(1, "GET", "/hello")
                try await client.send(keeping)
                try await client.bytes { String(decoding: $0, as: UTF8.self).contains("hello\n") }
                server.server.triggerStop()
                _ = try await client.bytesUntilEnd()
            }
        }
    }

    @Test("what does not end in time is cancelled, answered, and over")
    func cancels() async throws {
        let responder = ScriptedResponder()
        try await withServer(responder, configure: { $0.drainTime = .milliseconds(50) }) { server in
            try await RawClient.with(server.address(.http)) { client in
                try await client.send("GET /wait HTTP/1.1\r\nHost: a\r\n\r\n")
                await responder.events.wait(for: "waiting")
                server.server.triggerStop()
                #expect(try await client.textUntilEnd().hasSuffix("woken"))
            }
        }
        #expect(responder.events.all == ["waiting", "cancelled"])
    }

    @Test("a second stop ends the draining")
    func stopsAtOnce() async throws {
        let responder = ScriptedResponder()
        try await withServer(responder, configure: { $0.drainTime = .seconds(60) }) { server in
            try await RawClient.with(server.address(.http)) { client in
                try await client.send("GET /wait HTTP/1.1\r\nHost: a\r\n\r\n")
                await responder.events.wait(for: "waiting")
                server.server.triggerStop()
                server.server.triggerStop()
                _ = try await client.textUntilEnd()
            }
        }
        #expect(responder.events.all == ["waiting", "cancelled"])
    }

    @Test("SIGTERM stops the server")
    func stopsBySignal() async throws {
        try await withServer(ScriptedResponder(), configure: { $0.handlesSignals = true }) { server in
            let address = try server.address(.http)
            #expect(await isListening(address))
            kill(getpid(), SIGTERM)
            try await eventually { await !isListening(address) }
        }
    }

    @Test("the server stops when its supervisor's end of the pipe is closed")
    func stopsWithParent() async throws {
        var ends: [CInt] = [0, 0]
        #expect(pipe(&ends) == 0)
        try await withServer(ScriptedResponder(), configure: { $0.parentPipe = ends[0] }) { server in
            let address = try server.address(.http)
            close(ends[1])
            try await eventually { await !isListening(address) }
        }
    }

    @Test("a Unix socket has the mode asked for, and is gone afterwards")
    func unixSocket() async throws {
        let path = temporaryPath()
        try await withServer(
            ScriptedResponder(), configure: { $0.listeners = [Listener(.http, .unix(path: path, mode: 0o600))] }
        ) { server in
            #expect(mode(of: path) == 0o600)
            try await expectHello(server)
        }
        #expect(mode(of: path) == nil)
    }

    @Test("a socket left behind is replaced; one in use is not, nor any other file")
    func staleSocket() async throws {
        let path = temporaryPath()
        let listener = Listener(.http, .unix(path: path))
        let left = socket(AF_UNIX, CInt(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
        let bound = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(left, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        #expect(bound == 0)
        close(left)
        try await withServer(ScriptedResponder(), configure: { $0.listeners = [listener] }) { server in
            try await expectHello(server)
            await #expect(throws: ServerError.socketInUse(path)) {
                try await withServer(ScriptedResponder(), configure: { $0.listeners = [listener] }) { _ in }
            }
            try await expectHello(server)
        }
        let file = temporaryPath()
        fclose(fopen(file, "w"))
        defer { unlink(file) }
        await #expect(throws: ServerError.notASocket(file)) {
            try await withServer(
                ScriptedResponder(), configure: { $0.listeners = [Listener(.http, .unix(path: file))] }
            ) { _ in }
        }
        #expect(mode(of: file) != nil)
    }

    @Test("a path too long for a socket is said to be")
    func longPath() async {
        let path = "/tmp/" + String(repeating: "x", count: 110)
        await #expect(throws: ServerError.pathTooLong(path)) {
            try await withServer(
                ScriptedResponder(), configure: { $0.listeners = [Listener(.http, .unix(path: path))] }
            ) { _ in }
        }
    }

    @Test("a listening socket can be inherited; another descriptor cannot")
    func inherits() async throws {
        let descriptor = socket(AF_INET, CInt(SOCK_STREAM.rawValue), 0)
        #expect(listen(descriptor, 16) == 0)
        try await withServer(
            ScriptedResponder(), configure: { $0.listeners = [Listener(.http, .inherited(descriptor: descriptor))] }
        ) { server in
            let port = try #require(server.addresses.first?.port)
            let address = try SocketAddress(ipAddress: "127.0.0.1", port: port)
            let answer = try await RawClient.with(address) { client in
                try await client.send(Transport.http.request("GET", "/hello"))
                return try Transport.http.read(await client.bytesUntilEnd())
            }
            #expect(answer.text == "hello\n")
        }
        await #expect(throws: ServerError.notListening(2)) {
            try await withServer(
                ScriptedResponder(), configure: { $0.listeners = [Listener(.http, .inherited(descriptor: 2))] }
            ) { _ in }
        }
    }

    @Test(
        "FastCGI does not listen where other machines reach it unless told to",
        arguments: ["0.0.0.0", "::", "192.0.2.1"])
    func refusesOtherMachines(_ host: String) async throws {
        await #expect(throws: ServerError.openToOthers(host)) {
            try await withServer(
                ScriptedResponder(), configure: { $0.listeners = [Listener(.fastCGI, .tcp(host: host, port: 0))] }
            ) { _ in }
        }
    }

    @Test("peers that FCGI_WEB_SERVER_ADDRS does not list are turned away")
    func webServerAddresses() async throws {
        try await withServer(ScriptedResponder(), configure: { $0.webServerAddresses = ["192.0.2.1"] }) { server in
            try await RawClient.with(server.address(.fastCGI)) { client in
                let bytes = try await client.bytesUntilEnd()
                #expect(bytes.isEmpty)
            }
        }
        try await withServer(ScriptedResponder(), configure: { $0.webServerAddresses = ["192.0.2.1", "127.0.0.1"] }) {
            server in
            try await expectHello(server, over: .fastCGI)
        }
    }

    @Test("connections beyond the bound are closed as they come")
    func boundsConnections() async throws {
        try await withServer(ScriptedResponder(), configure: { $0.connections = 1 }) { server in
            try await RawClient.with(server.address(.http)) { first in
                try await first.send("GET /hello HTTP/1.1\r\nHost: a\r\n\r\n")
                _ = try await first.text(endingWith: "hello\n")
                try await RawClient.with(server.address(.http)) { second in
                    let bytes = try await second.bytesUntilEnd()
                    #expect(bytes.isEmpty)
                }
            }
        }
    }

    @Test(
        "HOST:PORT is read as written, IPv6 in brackets",
        arguments: [
            ("127.0.0.1:80", Listener.Endpoint.tcp(host: "127.0.0.1", port: 80)),
            ("[::1]:8080", .tcp(host: "::1", port: 8_080)),
            ("localhost:0", .tcp(host: "localhost", port: 0)), ("::1:80", nil), (":80", nil), ("host", nil),
            ("host:", nil),
            ("host:65536", nil), ("host:-1", nil),
        ])
    func readsHostAndPort(_ text: String, _ endpoint: Listener.Endpoint?) {
        #expect(Listener.Endpoint(hostAndPort: text) == endpoint)
    }
}

func expectHello(_ server: TestServer, over transport: Transport = .http) async throws {
    let answer = try await transport.send("GET", "/hello", to: server)
    #expect(answer.text == "hello\n")
}

/// Polls until `condition` holds.
func eventually(within limit: Duration = .seconds(30), _ condition: () async throws -> Bool) async throws {
    let deadline = ContinuousClock.now + limit
    while try await !condition() {
        try #require(ContinuousClock.now < deadline, "it did not come to that")
        try await Task.sleep(for: .milliseconds(5))
    }
}

func isListening(_ address: SocketAddress) async -> Bool {
    // Whether it could connect is the whole answer.
    (try? await RawClient.with(address) { _ in true }) ?? false
}

func temporaryPath() -> String { "/tmp/cw-test-\(RequestID().description.prefix(12))" }

func mode(of path: String) -> UInt32? {
    var status = stat()
    return lstat(path, &status) == 0 ? UInt32(status.st_mode & 0o7777) : nil
}
