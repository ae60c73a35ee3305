import FastCGIWire
import FunctionChannel
import FunctionCore
import FunctionService
import Testing

@Suite("FastCGI host")
struct FastCGIHostTests {
    static func records(_ bytes: [UInt8]) -> [Record] {
        var decoder = RecordDecoder()
        decoder.append(bytes)
        var records: [Record] = []
        while let record = try? decoder.next() { records.append(record) }
        return records
    }

    static func isEnd(_ id: UInt16) -> @Sendable ([UInt8]) -> Bool {
        { bytes in records(bytes).contains { $0.type == .endRequest && $0.id == id } }
    }

    static func request(
        _ id: UInt16, _ method: String, _ path: String, body: [UInt8] = [], length: Int? = nil,
        keepConnection: Bool = true
    ) -> [UInt8] {
        ResponseReader.request(
            id: id, Transport.parameters(method, path, length: length), body: body, keepConnection: keepConnection)
    }

    func withClient<Result>(
        _ responder: ScriptedResponder = .init(), limits: ServingLimits = .init(),
        _ body: (RawClient, TestServer) async throws -> Result
    ) async throws -> Result {
        try await withServer(responder, limits: limits) { server in
            try await RawClient.with(server.address(.fastCGI)) { try await body($0, server) }
        }
    }

    @Test(
        "a kept connection carries one request after the other, each ending in exactly one END_REQUEST and nothing more"
    )
    func keepsConnection() async throws {
        try await withClient { client, _ in
            for count in 1...3 {
                try await client.send(Self.request(1, "GET", "/hello"))
                let bytes = try await client.bytes { Self.records($0).count { $0.type == .endRequest } == count }
                // nginx takes whatever follows END_REQUEST and its padding for the next response.
                #expect(bytes.suffix(16) == Record.end(id: 1).bytes[...])
            }
        }
    }

    @Test("the application closes the connection that was not to be kept, once the answer has left")
    func closesConnection() async throws {
        try await withClient { client, _ in
            try await client.send(Self.request(1, "GET", "/bytes/300000", keepConnection: false))
            let bytes = try await client.bytesUntilEnd()
            #expect(Self.records(bytes).last == .end(id: 1))
        }
    }

    @Test(
        "STDOUT never has an empty record before its end, and no record above 65,528 bytes",
        arguments: [0, 65_528, 65_536, 200_000])
    func stdoutRecords(_ count: Int) async throws {
        try await withClient { client, _ in
            try await client.send(Self.request(1, "GET", "/bytes/\(count)"))
            let records = Self.records(try await client.bytes(until: Self.isEnd(1)))
            let stdout = records.filter { $0.type == .stdout }
            #expect(stdout.dropLast().allSatisfy { !$0.content.isEmpty && $0.content.count <= 65_528 })
            #expect(stdout.last?.content.isEmpty == true)
            #expect(!records.contains { $0.type == .stderr })
        }
    }

    @Test("requests that share a connection are answered apart, the quick one first")
    func multiplexes() async throws {
        let responder = ScriptedResponder()
        try await withClient(responder) { client, _ in
            try await client.send(
                Self.request(1, "GET", "/stubborn") + Self.request(3, "POST", "/echo", body: pattern(50), length: 50))
            try await client.bytes(until: Self.isEnd(3))
            responder.events.add("release")
            let records = Self.records(try await client.bytes(until: Self.isEnd(1)))
            #expect(records.filter { $0.type == .endRequest }.map(\.id) == [3, 1])
            let third = records.filter { $0.id == 3 && $0.type == .stdout }.flatMap(\.content)
            #expect(third.suffix(50) == pattern(50)[...])
        }
    }

    @Test("aborting a request cancels its task and is answered at once, and its id is free")
    func aborts() async throws {
        let responder = ScriptedResponder()
        try await withClient(responder) { client, _ in
            try await client.send(Self.request(1, "GET", "/stubborn"))
            await responder.events.wait(for: "waiting")
            try await client.send(Record(.abortRequest, id: 1).bytes)
            try await client.bytes(until: Self.isEnd(1))
            try await client.send(Self.request(1, "GET", "/hello"))
            try await client.bytes { Self.records($0).count { $0.type == .endRequest } == 2 }
            // The late answer belongs to nobody.
            responder.events.add("release")
            try await client.send(Self.request(5, "GET", "/hello"))
            let bytes = try await client.bytes(until: Self.isEnd(5))
            #expect(!String(decoding: bytes, as: UTF8.self).contains("late"))
        }
    }

    @Test("a request without a body does not wait for the end of STDIN", arguments: [("GET", Int?.none), ("POST", 0)])
    func missingStdin(_ method: String, _ length: Int?) async throws {
        try await withClient { client, _ in
            let whole = Self.request(1, method, "/hello", length: length)
            try await client.send(Array(whole.dropLast(8)))
            let bytes = try await client.bytes(until: Self.isEnd(1))
            #expect(String(decoding: bytes, as: UTF8.self).contains("Status: 200 OK"))
        }
    }

    @Test("a POST without CONTENT_LENGTH is read to the end of STDIN, within the limit")
    func undeclaredBody() async throws {
        try await withClient { client, _ in
            try await client.send(Self.request(1, "POST", "/echo", body: pattern(700)))
            let bytes = try await client.bytes(until: Self.isEnd(1))
            #expect(
                Self.records(bytes).filter { $0.type == .stdout }.flatMap(\.content).suffix(700) == pattern(700)[...])
            try await client.send(Self.request(3, "POST", "/echo", body: pattern(1_001)))
            let refused = try await client.bytes(until: Self.isEnd(3))
            #expect(String(decoding: refused, as: UTF8.self).contains("Status: 413 "))
        }
    }

    @Test(
        "a body that is not as long as declared is 400, and no function runs", arguments: [(10, 9), (10, 11), (1, 500)])
    func wrongLength(_ declared: Int, _ sent: Int) async throws {
        let responder = ScriptedResponder()
        try await withClient(responder) { client, _ in
            try await client.send(Self.request(1, "POST", "/wait", body: pattern(sent), length: declared))
            let text = String(decoding: try await client.bytes(until: Self.isEnd(1)), as: UTF8.self)
            #expect(text.contains("Status: 400 "))
        }
        #expect(!responder.events.all.contains("waiting"))
    }

    @Test("a head that is none is 400, and the connection goes on")
    func badHead() async throws {
        try await withClient { client, _ in
            try await client.send(
                ResponseReader.request(id: 1, [NameValuePair("REQUEST_URI", "/hello")], keepConnection: true))
            let text = String(decoding: try await client.bytes(until: Self.isEnd(1)), as: UTF8.self)
            #expect(text.contains("Status: 400 "))
            try await client.send(Self.request(3, "GET", "/hello"))
            try await client.bytes(until: Self.isEnd(3))
        }
    }

    @Test(
        "an ill-formed connection is closed, and no other is",
        arguments: ["GET / HTTP/1.1\r\n\r\n", "\u{1}\u{1}\u{0}\u{1}\u{0}\u{0}\u{0}\u{0}"])
    func illFormed(_ text: String) async throws {
        try await withClient { other, server in
            try await RawClient.with(server.address(.fastCGI)) { client in
                try await client.send(text)
                #expect(try await client.bytesUntilEnd().isEmpty)
            }
            try await other.send(Self.request(1, "GET", "/hello"))
            try await other.bytes(until: Self.isEnd(1))
        }
    }

    @Test("requests that only begin are refused beyond the bound, and cut off in time")
    func beginFlood() async throws {
        var limits = ServingLimits()
        limits.headTimeout = .milliseconds(200)
        try await withClient(limits: limits) { client, _ in
            try await client.send((1...200).flatMap { Record.begin(id: $0, keepConnection: true).bytes })
            let records = Self.records(try await client.bytesUntilEnd())
            #expect(records.count == 136)
            #expect(records.allSatisfy { $0 == .end(id: $0.id, .overloaded) })
        }
    }

    @Test("values are told and the connection goes on")
    func getValues() async throws {
        try await withClient { client, _ in
            try await client.send(
                Record(.getValues, id: 0, NameValuePair.encode([NameValuePair("FCGI_MPXS_CONNS", "")])).bytes)
            let told = Record(.getValuesResult, id: 0, NameValuePair.encode([NameValuePair("FCGI_MPXS_CONNS", "1")]))
            try await client.bytes { $0 == told.bytes }
            try await client.send(Self.request(1, "GET", "/hello"))
            try await client.bytes(until: Self.isEnd(1))
        }
    }

    @Test("the Proxy variable never reaches a function, and CONTENT_LENGTH is the server's own")
    func hostileVariables() async throws {
        try await withClient { client, _ in
            let parameters =
                Transport.parameters("POST", "/fields", length: 3) + [
                    NameValuePair("HTTP_PROXY", "evil"), NameValuePair("HTTP_CONTENT_LENGTH", "999"),
                ]
            try await client.send(ResponseReader.request(id: 1, parameters, body: [1, 2, 3], keepConnection: true))
            let text = String(decoding: try await client.bytes(until: Self.isEnd(1)), as: UTF8.self)
            #expect(text.contains("content-length=3"))
            #expect(!text.contains("evil"))
        }
    }
}
