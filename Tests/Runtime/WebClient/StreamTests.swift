import Glibc
import HTTPTypes
import Synchronization
import Testing
import WebClient

@Suite("WebClient: bodies as they arrive")
struct StreamTests {
    @Test("pass - the head is there before the body, and each part before the next is made")
    func headFirst() async throws {
        let step = Mutex(0)
        @Sendable func wait(for number: Int) { while step.withLock({ $0 }) < number { usleep(1_000) } }
        try await withServer { connection in
            connection.receive()
            connection.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nX: y\r\n\r\n")
            wait(for: 1)
            connection.send("3\r\none\r\n")
            wait(for: 2)
            connection.send("3\r\ntwo\r\n0\r\n\r\n")
        } _: { server, client in
            let stream = try await client.stream(request(server.url()))
            #expect(stream.status == .ok)
            #expect(stream.fields[try #require(.init("X"))] == "y")
            var body = stream.body.makeAsyncIterator()
            step.withLock { $0 = 1 }
            #expect(try await body.next() == Array("one".utf8))
            step.withLock { $0 = 2 }
            #expect(try await body.next() == Array("two".utf8))
            #expect(try await body.next() == nil)
            #expect(try await body.next() == nil)
        }
    }

    @Test("pass - a body that nobody reads fast is held back, and still arrives whole")
    func backpressure() async throws {
        let size = 64 << 20
        try await withServer { connection in
            connection.receive()
            connection.send("HTTP/1.1 200 OK\r\nContent-Length: \(size)\r\n\r\n")
            let piece = [UInt8](repeating: 7, count: 1 << 20)
            for _ in 0..<64 where connection.send(piece) {}
        } _: { server, client in
            var request = request(server.url(), within: .seconds(120))
            request.responseLimit = size
            let stream = try await client.stream(request)
            var before = -1
            // Standing still for a fifth of a second, with most of the body unsent, is being held back.
            while before != server.bytesWritten {
                before = server.bytesWritten
                try await Task.sleep(for: .milliseconds(200))
            }
            // What two socket buffers can hold, and 80 KiB of ours.
            #expect(server.bytesWritten < 24 << 20)
            var total = 0
            for try await chunk in stream.body {
                #expect(!chunk.isEmpty && chunk.count <= 65_536 + 16_384)
                total += chunk.count
            }
            #expect(total == size)
        }
    }

    @Test("pass - an empty body ends at once", arguments: ["204 No Content\r\n", "200 OK\r\nContent-Length: 0\r\n"])
    func empty(_ head: String) async throws {
        try await withServer(answer("HTTP/1.1 \(head)\r\n")) { server, client in
            for try await chunk in try await client.stream(request(server.url())).body {
                Issue.record("\(chunk.count) bytes of nothing")
            }
            let again = try await client.stream(request(server.url()))
            var body = again.body.makeAsyncIterator()
            #expect(try await body.next() == nil)
            #expect(server.accepted == 1)
        }
    }

    @Test("pass - breaking off closes the connection", arguments: [0, 1, 3])
    func breakOff(after chunks: Int) async throws {
        try await withServer(endless) { server, client in
            var stream: WebStream? = try await client.stream(unlimited(server))
            if chunks > 0, let body = stream?.body {
                var count = 0
                for try await _ in body {
                    count += 1
                    if count == chunks { break }
                }
            }
            stream = nil
            #expect(await eventually { server.endedByClient == 1 })
        }
    }

    @Test("fail - cancelling the consumer ends the wait and closes the connection")
    func cancel() async throws {
        try await withServer { connection in
            connection.receive()
            connection.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello")
            connection.waitForEnd()
        } _: { server, client in
            let (started, gate) = AsyncStream<Void>.makeStream()
            let task = Task {
                var total = 0
                let outcome = await kind {
                    for try await chunk in try await client.stream(request(server.url())).body {
                        total += chunk.count
                        gate.yield()
                    }
                }
                return (total, outcome)
            }
            for await _ in started { break }
            task.cancel()
            let result = await task.value
            #expect(result.0 == 5)
            #expect(result.1 == .cancelled)
            #expect(await eventually { server.endedByClient == 1 })
        }
    }

    @Test("fail - bytes before a failure come first, then the failure")
    func cutShort() async throws {
        try await withServer { connection in
            connection.receive()
            connection.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello")
        } _: { server, client in
            let stream = try await client.stream(request(server.url()))
            var total = 0
            let kind = await kind {
                for try await chunk in stream.body { total += chunk.count }
            }
            #expect(total == 5)
            #expect(kind == .other(.partialFile))
        }
    }

    @Test("fail - a body that grows past the limit")
    func tooLarge() async throws {
        try await withServer(endless) { server, client in
            var request = request(server.url())
            request.responseLimit = 1_000_000
            let stream = try await client.stream(request)
            var total = 0
            let kind = await kind {
                for try await chunk in stream.body { total += chunk.count }
            }
            #expect(total <= 1_000_000)
            #expect(kind == .tooLarge)
            #expect(await eventually { server.endedByClient == 1 })
        }
    }

    @Test("fail - a declared length over the limit throws before there is a stream")
    func declaredTooLarge() async throws {
        try await withServer(answer("HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\nhello world")) { server, client in
            var request = request(server.url())
            request.responseLimit = 10
            #expect(await kind { try await client.stream(request) } == .tooLarge)
        }
    }

    @Test("fail - the deadline holds to the last byte, for a paused transfer too", arguments: [true, false])
    func deadline(isRead: Bool) async throws {
        try await withServer(endless) { server, client in
            var request = unlimited(server)
            request.deadline = .now + .seconds(1)
            let kind = await kind {
                let stream = try await client.stream(request)
                if !isRead { #expect(await eventually { server.endedByClient == 1 }) }
                for try await _ in stream.body {}
            }
            #expect(kind == .timeout)
        }
    }

    @Test("fail - no stream without a head")
    func noHead() async throws {
        try await withServer {
            _ = $0.receive()
        } _: { server, client in
            let kind = await kind { try await client.stream(request(server.url())) }
            #expect(kind == .other(.gotNothing))
        }
    }
}

/// Sends a body for as long as it is taken.
private let endless: @Sendable (BadServer.Connection) -> Void = { connection in
    connection.receive()
    connection.send("HTTP/1.1 200 OK\r\n\r\n")
    let piece = [UInt8](repeating: 7, count: 4_096)
    while connection.send(piece) {}
    connection.waitForEnd()
}

private func unlimited(_ server: BadServer) -> WebRequest {
    var request = request(server.url())
    request.responseLimit = .max
    return request
}
