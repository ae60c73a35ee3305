import FastCGI
import FastCGIWire
import FunctionChannel
import FunctionCore
import HTTPTypes
import Testing

/// What must be the same whichever way a request comes.
@Suite("Over HTTP and FastCGI alike")
struct BothTransportsTests {
    @Test("a body comes back whole", arguments: Transport.allCases, [0, 1, 999, 1_000])
    func echoes(_ transport: Transport, _ count: Int) async throws {
        try await withServer(ScriptedResponder()) { server in
            let answer = try await transport.send("POST", "/echo", body: pattern(count), to: server)
            #expect(answer.status == 200)
            #expect(answer.body == pattern(count))
            #expect(answer.isComplete)
        }
    }

    @Test(
        "a response of any length arrives whole", arguments: Transport.allCases,
        [0, 65_535, 65_536, 200_000, 3_000_000])
    func sends(_ transport: Transport, _ count: Int) async throws {
        try await withServer(ScriptedResponder()) { server in
            let answer = try await transport.send("GET", "/bytes/\(count)", to: server)
            #expect(answer.body == pattern(count))
            #expect(answer.fields["content-length"] == "\(count)")
            #expect(answer.isComplete)
        }
    }

    @Test(
        "a streamed response arrives whole", arguments: Transport.allCases,
        ["/stream/200000", "/stream/200000/declared"])
    func streams(_ transport: Transport, _ path: String) async throws {
        try await withServer(ScriptedResponder()) { server in
            let answer = try await transport.send("GET", path, to: server)
            #expect(answer.body == pattern(200_000))
            #expect((answer.fields["content-length"] == nil) == !path.hasSuffix("declared"))
            #expect(answer.isComplete)
        }
    }

    @Test(
        "HEAD gives the length and no body", arguments: Transport.allCases,
        ["/bytes/5000", "/stream/5000/declared", "/stream/5000"])
    func head(_ transport: Transport, _ path: String) async throws {
        try await withServer(ScriptedResponder()) { server in
            let answer = try await transport.send("HEAD", path, to: server)
            #expect(answer.status == 200)
            #expect(answer.fields["content-length"] == (path == "/stream/5000" ? nil : "5000"))
            #expect(answer.body.isEmpty)
        }
    }

    @Test("204 has neither body nor length", arguments: Transport.allCases)
    func noContent(_ transport: Transport) async throws {
        try await withServer(ScriptedResponder()) { server in
            let answer = try await transport.send("GET", "/empty", to: server)
            #expect(answer.status == 204)
            #expect(answer.fields["content-length"] == nil)
            #expect(answer.body.isEmpty)
        }
    }

    @Test("a stream that breaks off is seen to be broken", arguments: Transport.allCases)
    func breaksOff(_ transport: Transport) async throws {
        try await withServer(ScriptedResponder()) { server in
            let answer = try await transport.send("GET", "/broken", to: server)
            #expect(answer.text == "begun")
            #expect(!answer.isComplete)
        }
    }

    @Test(
        "a body over the limit is 413, declared or not, and readable though the caller goes on sending",
        arguments: Transport.allCases)
    func tooLarge(_ transport: Transport) async throws {
        let responder = ScriptedResponder()
        var limits = ServingLimits()
        // Longer than a busy machine may take to send the rest.
        limits.linger = .seconds(30)
        try await withServer(responder, limits: limits) { server in
            let answer = try await transport.send("POST", "/echo", body: pattern(500_000), to: server)
            #expect(answer.status == 413)
            #expect(answer.text.contains("body_too_large"))
            #expect(answer.isComplete)
        }
        #expect(responder.events.all == ["refused body_too_large"])
    }

    @Test("what is answered by its head alone does not wait for the body", arguments: Transport.allCases)
    func answersEarly(_ transport: Transport) async throws {
        try await withServer(ScriptedResponder()) { server in
            let answer = try await transport.send("POST", "/missing", body: [1], declaring: 500_000, to: server)
            #expect(answer.status == 404)
            #expect(answer.text == "nothing")
        }
    }

    @Test("a body that does not come is 408", arguments: Transport.allCases)
    func slowBody(_ transport: Transport) async throws {
        var limits = ServingLimits()
        limits.bodyTimeout = .milliseconds(50)
        limits.linger = .milliseconds(50)
        try await withServer(ScriptedResponder(), limits: limits) { server in
            try await RawClient.with(server.address(transport.wireProtocol)) { client in
                let whole = transport.request("POST", "/echo", body: pattern(100))
                // Without the FastCGI records that end the body, or HTTP's last byte.
                try await client.send(Array(whole.dropLast(8)))
                #expect(try await transport.read(client.bytesUntilEnd()).status == 408)
            }
        }
    }

    @Test("at its deadline a request's task is cancelled, and its answer still sent", arguments: Transport.allCases)
    func deadline(_ transport: Transport) async throws {
        let responder = ScriptedResponder(deadline: .milliseconds(50))
        try await withServer(responder) { server in
            let answer = try await transport.send("GET", "/wait", to: server)
            #expect(answer.status == 503)
            #expect(answer.text == "woken")
        }
        #expect(responder.events.all == ["waiting", "cancelled"])
    }

    @Test(
        "a task that does not heed its cancelling is answered for, and its late answer dropped",
        arguments: Transport.allCases)
    func overrun(_ transport: Transport) async throws {
        var limits = ServingLimits()
        limits.overrun = .milliseconds(20)
        let responder = ScriptedResponder(deadline: .milliseconds(20))
        try await withServer(responder, limits: limits) { server in
            let answer = try await transport.send("GET", "/stubborn", to: server)
            #expect(answer.status == 503)
            #expect(answer.text.contains("deadline_exceeded"))
            #expect(server.server.requests == 1, "its task still runs")
            responder.events.add("release")
        }
    }

    @Test("a caller that leaves cancels its request", arguments: Transport.allCases)
    func peerCloses(_ transport: Transport) async throws {
        let responder = ScriptedResponder()
        try await withServer(responder) { server in
            try await RawClient.with(server.address(transport.wireProtocol)) { client in
                try await client.send(transport.request("GET", "/wait"))
                await responder.events.wait(for: "waiting")
            }
            await responder.events.wait(for: "cancelled")
        }
        #expect(responder.events.all == ["waiting", "cancelled"])
    }

    @Test("a caller that leaves ends a stream", arguments: Transport.allCases)
    func peerLeavesStream(_ transport: Transport) async throws {
        let responder = ScriptedResponder()
        try await withServer(responder) { server in
            try await RawClient.with(server.address(transport.wireProtocol)) { client in
                try await client.send(transport.request("GET", "/endless"))
                try await client.bytes { $0.count > 100_000 }
            }
            await responder.events.wait(for: "stream ended")
        }
        #expect(responder.events.all == ["stream ended"])
    }

    @Test(
        "a caller that does not read holds back the producer, and is closed in the end", arguments: Transport.allCases)
    func slowReader(_ transport: Transport) async throws {
        var limits = ServingLimits()
        limits.sendTimeout = .milliseconds(100)
        let responder = ScriptedResponder()
        try await withServer(responder, limits: limits) { server in
            try await RawClient.with(server.address(transport.wireProtocol), autoRead: false) { client in
                try await client.send(transport.request("GET", "/endless"))
                await responder.events.wait(for: "stream ended")
            }
        }
        #expect(responder.events.all == ["stream ended"])
    }

    @Test("one request too many is 503 at once and says when to come back", arguments: Transport.allCases)
    func overload(_ transport: Transport) async throws {
        var limits = ServingLimits()
        limits.concurrentRequests = 1
        let responder = ScriptedResponder()
        try await withServer(responder, limits: limits) { server in
            try await RawClient.with(server.address(transport.wireProtocol)) { client in
                try await client.send(transport.request("GET", "/wait"))
                await responder.events.wait(for: "waiting")
                let answer = try await transport.send("GET", "/hello", to: server)
                #expect(answer.status == 503)
                #expect(answer.fields["retry-after"] == "1")
                #expect(answer.text.contains("overloaded"))
            }
            await responder.events.wait(for: "cancelled")
        }
    }

    @Test("what the operator put before our paths is no part of them", arguments: Transport.allCases)
    func basePath(_ transport: Transport) async throws {
        try await withServer(ScriptedResponder(), configure: { $0.basePath = "/voice" }) { server in
            for path in ["/voice/hello", "/hello"] {
                let answer = try await transport.send("GET", path, to: server)
                #expect(answer.text == "hello\n")
            }
            let other = try await transport.send("GET", "/voicehello", to: server)
            #expect(other.text != "hello\n")
        }
    }

    @Test("a field without a value is as if it were not there", arguments: Transport.allCases)
    func emptyField(_ transport: Transport) async throws {
        let request =
            switch transport {
            case .http:
                Array(
                    "GET /fields HTTP/1.1\r\nHost: a\r\nConnection: close\r\nX-Workspace-Id: \r\nX-Other: b\r\n\r\n"
                        .utf8)
            case .fastCGI:
                ResponseReader.request(
                    Transport.parameters("GET", "/fields") + [
                        NameValuePair("HTTP_X_WORKSPACE_ID", ""), NameValuePair("HTTP_X_OTHER", "b"),
                    ], body: [], keepConnection: false)
            }
        try await withServer(ScriptedResponder()) { server in
            try await RawClient.with(server.address(transport.wireProtocol)) { client in
                try await client.send(request)
                let text = try transport.read(await client.bytesUntilEnd()).text
                #expect(text.contains("x-other=b"))
                #expect(!text.contains("workspace"))
            }
        }
    }

    @Test(
        "a path that cannot be is 400 with the problem's body", arguments: Transport.allCases,
        ["/a/../b", "/%zz", "/a%2Fb", "*"])
    func badPath(_ transport: Transport, _ path: String) async throws {
        try await withServer(ScriptedResponder()) { server in
            let answer = try await transport.send("GET", path, to: server)
            #expect(answer.status == 400)
            #expect(answer.fields["content-type"] == "application/problem+json")
            #expect(answer.text.contains("invalid_path"))
        }
    }
}
