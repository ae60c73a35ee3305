import FunctionChannel
import FunctionCore
import FunctionService
import Glibc
import Testing

@Suite("Behind nginx", .enabled(if: Nginx.isInstalled || getenv("CI") != nil, "nginx is not installed"))
struct BehindNginxTests {
    /// An application behind nginx, and one answer from it for each request.
    func with<Result>(
        _ responder: ScriptedResponder = .init(bodyLimit: 2_000_000), keepsConnections: Bool, buffers: Bool = true,
        _ body: (Nginx, TestServer) async throws -> Result
    ) async throws -> Result {
        let path = temporaryPath()
        var limits = ServingLimits()
        // Longer than a busy machine may take to send the rest of a refused body.
        limits.linger = .seconds(20)
        return try await withServer(
            responder, limits: limits,
            configure: { $0.listeners = [Listener(.fastCGI, .unix(path: path, mode: 0o666))] }
        ) { server in
            try await Nginx.with(application: path, keepsConnections: keepsConnections, buffers: buffers) { nginx in
                try await body(nginx, server)
            }
        }
    }

    func send(_ method: String, _ path: String, body: [UInt8]? = nil, to nginx: Nginx) async throws -> Transport.Answer
    {
        try await RawClient.with(nginx.address) { client in
            try await client.send(Transport.http.request(method, path, body: body))
            return try Transport.http.read(await client.bytesUntilEnd(), isHead: method == "HEAD")
        }
    }

    @Test("bodies and responses of any size pass both ways", arguments: [true, false])
    func sizes(_ keepsConnections: Bool) async throws {
        try await with(keepsConnections: keepsConnections) { nginx, _ in
            for count in [0, 1, 16_384, 65_535, 65_536, 1_000_000] {
                let echo = try await send("POST", "/echo", body: pattern(count), to: nginx)
                #expect(echo.status == 200 && echo.isComplete)
                #expect(echo.body == pattern(count), "\(count) bytes there and back")
                let answer = try await send("GET", "/bytes/\(count)", to: nginx)
                #expect(answer.body == pattern(count) && answer.isComplete, "\(count) bytes back")
            }
        }
    }

    @Test("streams, HEAD, 204 and problems are what they are", arguments: [true, false], [true, false])
    func kinds(_ keepsConnections: Bool, _ buffers: Bool) async throws {
        try await with(keepsConnections: keepsConnections, buffers: buffers) { nginx, _ in
            let stream = try await send("GET", "/stream/300000", to: nginx)
            #expect(stream.body == pattern(300_000) && stream.isComplete)
            let head = try await send("HEAD", "/bytes/5000", to: nginx)
            #expect(head.status == 200 && head.body.isEmpty && head.fields["content-length"] == "5000")
            let empty = try await send("GET", "/empty", to: nginx)
            #expect(empty.status == 204 && empty.body.isEmpty)
            let missing = try await send("POST", "/missing", body: pattern(100_000), to: nginx)
            #expect(missing.status == 404)
            let tooLarge = try await send("POST", "/echo", body: pattern(3_000_000), to: nginx)
            #expect(tooLarge.status == 413 && tooLarge.text.contains("body_too_large"))
            let address = try await send("GET", "/address", to: nginx)
            #expect(address.text == "192.0.2.33")
        }
    }

    @Test("a stream that breaks off reaches the caller as broken", arguments: [true, false], [true, false])
    func breaksOff(_ keepsConnections: Bool, _ buffers: Bool) async throws {
        try await with(keepsConnections: keepsConnections, buffers: buffers) { nginx, _ in
            let bytes = try await RawClient.with(nginx.address) { client in
                try await client.send(Transport.http.request("GET", "/broken"))
                return try await client.bytesUntilEnd()
            }
            // What nginx has told the caller by then decides: nothing, a 502, or a body without its end.
            let answer = bytes.isEmpty ? nil : try Transport.http.read(bytes)
            #expect(answer == nil || answer?.status == 502 || answer?.isComplete == false)
        }
    }

    @Test(
        "with fastcgi_keep_conn one connection serves many requests, without it none outlives its request",
        arguments: [true, false])
    func connections(_ keepsConnections: Bool) async throws {
        try await with(keepsConnections: keepsConnections) { nginx, server in
            for _ in 0..<20 {
                let answer = try await send("POST", "/echo", body: pattern(5_000), to: nginx)
                #expect(answer.status == 200)
            }
            try await eventually { server.server.openConnections == (keepsConnections ? 1 : 0) }
        }
    }

    @Test("many at once are all answered", arguments: [true, false])
    func concurrent(_ keepsConnections: Bool) async throws {
        try await with(keepsConnections: keepsConnections) { nginx, _ in
            try await withThrowingTaskGroup(of: Bool.self) { group in
                for index in 0..<40 {
                    group.addTask {
                        let body = pattern(index * 997)
                        return try await send("POST", "/echo", body: body, to: nginx).body == body
                    }
                }
                for try await isSame in group { #expect(isSame) }
            }
        }
    }

    @Test("a caller that leaves nginx cancels its request here")
    func callerLeaves() async throws {
        let responder = ScriptedResponder()
        try await with(responder, keepsConnections: true) { nginx, _ in
            try await RawClient.with(nginx.address) { client in
                try await client.send(Transport.http.request("GET", "/wait"))
                await responder.events.wait(for: "waiting")
            }
            await responder.events.wait(for: "cancelled")
        }
        #expect(responder.events.all == ["waiting", "cancelled"])
    }
}
