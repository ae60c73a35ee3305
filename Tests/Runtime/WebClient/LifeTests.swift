import Glibc
import Testing
import WebClient

@Suite("WebClient: its end, and the end of its requests")
struct LifeTests {
    @Test("fail - cancelling closes the connection, promptly")
    func cancel() async throws {
        try await withServer(silence) { server, client in
            let task = Task { try await client.send(request(server.url(), within: .seconds(120))) }
            #expect(await eventually { server.requests.count == 1 })
            let start = ContinuousClock.now
            task.cancel()
            let error = await #expect(throws: WebError.self) { _ = try await task.value }
            #expect(error?.kind == .cancelled)
            #expect(await eventually { server.endedByClient == 1 })
            #expect(ContinuousClock.now - start < .seconds(20))
        }
    }

    @Test("fail - a cancelled task sends nothing")
    func cancelledBefore() async throws {
        try await withServer(silence) { server, client in
            let task = Task {
                withUnsafeCurrentTask { $0?.cancel() }
                _ = try await client.send(request(server.url()))
            }
            let error = await #expect(throws: WebError.self) { try await task.value }
            #expect(error?.kind == .cancelled)
            #expect(server.accepted == 0)
        }
    }

    @Test("pass - one request's end leaves the others alone")
    func cancelOne() async throws {
        try await withServer { connection in
            let received = connection.receive()
            if received?.head.hasPrefix("GET /wait") == true { return connection.waitForEnd() }
            connection.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        } _: { server, client in
            let waiting = Task { try await client.send(request(server.url("/wait"))) }
            #expect(await eventually { server.requests.count == 1 })
            async let other = client.send(request(server.url("/ok")))
            waiting.cancel()
            let status = try await other.status
            #expect(status == .ok)
            await #expect(throws: WebError.self) { _ = try await waiting.value }
        }
    }

    @Test("fail - shutting down ends what is in flight, and refuses what comes later")
    func shutdown() async throws {
        try await withServer(silence) { server, client in
            let tasks = (0..<10).map { _ in Task { try await client.send(request(server.url())) } }
            #expect(await eventually { server.requests.count == 10 })
            await client.shutdown()
            for task in tasks {
                let error = await #expect(throws: WebError.self) { _ = try await task.value }
                #expect(error?.kind == .cancelled)
            }
            #expect(await eventually { server.endedByClient == 10 })
            #expect(await kind { try await client.send(request(server.url())) } == .cancelled)
            await client.shutdown()
            #expect(server.accepted == 10)
        }
    }

    @Test("pass - a client that was never used can be shut down")
    func unused() async {
        let client = WebClient(logger: quiet)
        await client.shutdown()
        #expect(await kind { try await client.send(request("http://a/")) } == .cancelled)
    }

    @Test("pass - letting go of a client closes its connections")
    func letGo() async throws {
        let server = try BadServer { connection in
            connection.receive()
            connection.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
            connection.waitForEnd()
        }
        defer { server.stop() }
        do {
            let client = WebClient(logger: quiet)
            _ = try await client.send(request(server.url()))
        }
        #expect(await eventually { server.endedByClient == 1 })
    }

    @Test("pass - shutting down returns descriptors and threads")
    func descriptors() async {
        await #expect(processExitsWith: .success) {
            func count(_ directory: String) -> Int {
                guard let opened = opendir(directory) else { return -1 }
                defer { closedir(opened) }
                var count = 0
                while readdir(opened) != nil { count += 1 }
                return count
            }
            func useOne() async throws {
                try await withServer(answer("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")) { server, client in
                    _ = try await client.send(request(server.url()))
                }
            }
            // The first use opens what stays open for the whole process, and so does the first sleep: a timer. Several, since
            // one whose time is over before the timer is set needs none.
            try await useOne()
            for _ in 0..<5 { try await Task.sleep(for: .milliseconds(20)) }
            let before = count("/proc/self/fd")
            for _ in 0..<20 { try await useOne() }
            #expect(await eventually { count("/proc/self/fd") <= before })
            #expect(await eventually { count("/proc/self/task") < 20 })
        }
    }

    @Test("pass - a process can exit in the middle of requests")
    func exitInFlight() async {
        await #expect(processExitsWith: .success) {
            let server = try BadServer(silence)
            let client = WebClient(logger: quiet)
            for _ in 0..<20 { Task { try await client.send(request(server.url())) } }
            #expect(await eventually { server.requests.count == 20 })
            exit(EXIT_SUCCESS)
        }
    }
}

private let silence: @Sendable (BadServer.Connection) -> Void = { connection in
    connection.receive()
    connection.waitForEnd()
}
