import FastCGIWire
import FunctionChannel
import FunctionCore
import FunctionService
import HTTPTypes
import NIOCore
import Synchronization
import Testing

/// What requests on one connection, and connections to one server, do to each other.
@Suite("FastCGI sharing")
struct FastCGISharingTests {
    static func request(_ id: UInt16, _ path: String) -> [UInt8] { FastCGIHostTests.request(id, "GET", path) }

    @Test("the peer's close cancels every request of its connection")
    func closeCancelsAll() async throws {
        let responder = ScriptedResponder()
        try await withServer(responder) { server in
            try await RawClient.with(server.address(.fastCGI)) { client in
                try await client.send(Self.request(1, "/wait") + Self.request(3, "/wait") + Self.request(5, "/wait"))
                try await eventually { responder.events.all.count { $0 == "waiting" } == 3 }
            }
            try await eventually { responder.events.all.count { $0 == "cancelled" } == 3 }
        }
    }

    @Test("aborting one request leaves the others of its connection alone")
    func abortsOne() async throws {
        let responder = ScriptedResponder()
        try await withServer(responder) { server in
            try await RawClient.with(server.address(.fastCGI)) { client in
                try await client.send(
                    Self.request(1, "/wait") + Self.request(3, "/stubborn") + Record(.abortRequest, id: 1).bytes)
                try await client.bytes(until: FastCGIHostTests.isEnd(1))
                await responder.events.wait(for: "cancelled")
                responder.events.add("release")
                let bytes = try await client.bytes(until: FastCGIHostTests.isEnd(3))
                #expect(String(decoding: bytes, as: UTF8.self).contains("late"))
            }
        }
    }

    @Test("aborting a stream ends it, and nothing of its id follows END_REQUEST")
    func abortsStream() async throws {
        let responder = ScriptedResponder()
        try await withServer(responder) { server in
            try await RawClient.with(server.address(.fastCGI)) { client in
                try await client.send(Self.request(1, "/endless"))
                try await client.bytes { $0.count > 20_000 }
                try await client.send(Record(.abortRequest, id: 1).bytes)
                await responder.events.wait(for: "stream ended")
                try await client.send(Self.request(3, "/hello"))
                let records = FastCGIHostTests.records(try await client.bytes(until: FastCGIHostTests.isEnd(3)))
                let end = try #require(records.firstIndex { $0.type == .endRequest && $0.id == 1 })
                #expect(records[(end + 1)...].allSatisfy { $0.id == 3 })
            }
        }
    }

    @Test("a stream's first piece is sent before its second is made")
    func flushes() async throws {
        let release = Events()
        try await withServer(TwoPieces(release: release)) { server in
            try await RawClient.with(server.address(.fastCGI)) { client in
                try await client.send(Self.request(1, "/"))
                try await client.bytes { String(decoding: $0, as: UTF8.self).contains("first") }
                release.add("second")
                let bytes = try await client.bytes(until: FastCGIHostTests.isEnd(1))
                #expect(String(decoding: bytes, as: UTF8.self).contains("second"))
            }
        }
    }

    private struct TwoPieces: Responder {
        let release: Events

        func accept(_ head: RequestHead) -> Acceptance {
            let response = Response(
                status: .ok,
                body: .stream(length: nil) { writer in
                    try await writer.write(Array("first".utf8))
                    await release.wait(for: "second")
                    try await writer.write(Array("second".utf8))
                })
            return .exchange(
                Exchange(bodyLimit: 0, deadline: .now + .seconds(10), answer: { _ in response }, refusal: refuse))
        }

        func refuse(_ problem: Problem) -> Response { problem.response(instance: RequestID()) }
    }

    @Test("of a peer that takes no answers no more requests are read, and once it takes them all are answered")
    func holdsBack() async throws {
        let responder = Counting()
        let path = temporaryPath()
        let count = 20_000
        try await withServer(
            responder, configure: { $0.listeners = [Listener(.fastCGI, .unix(path: path, mode: 0o666))] }
        ) { server in
            try await RawClient.with(try server.address(.fastCGI), autoRead: false) { client in
                let requests = Self.request(1, "/bytes")
                let sending = Task {
                    for _ in 0..<(count / 100) {
                        try await client.send((0..<100).flatMap { _ in requests })
                    }
                }
                // Until it stands still, which it must long before the end: each answer is a kilobyte.
                var before = -1
                try await eventually {
                    let now = responder.count
                    defer { before = now }
                    try await Task.sleep(for: .milliseconds(150))
                    return now > 0 && now == before
                }
                #expect(responder.count < 4_000)
                try await client.startReading()
                try await sending.value
                try await eventually { responder.count == count }
            }
        }
    }

    private final class Counting: Responder {
        private let answered = Atomic(0)
        var count: Int { answered.load(ordering: .relaxed) }

        func accept(_ head: RequestHead) -> Acceptance {
            answered.add(1, ordering: .relaxed)
            return .answer(Response(status: .ok, body: .bytes([UInt8](repeating: 7, count: 1_000))))
        }

        func refuse(_ problem: Problem) -> Response { problem.response(instance: RequestID()) }
    }

    /// What a broken or hostile peer may send, and what ends its connection.
    static let floods: [(String, [UInt8])] = [
        ("requests that only begin", (1...2_000).flatMap { Record.begin(id: $0, keepConnection: true).bytes }),
        (
            "parameters without end",
            Record.begin(id: 1, keepConnection: true).bytes
                + (0..<8).flatMap { _ in Record(.params, id: 1, [UInt8](repeating: 0, count: 65_535)).bytes }
        ),
        ("another version", [2, 1, 0, 1, 0, 8, 0, 0] + [UInt8](repeating: 0, count: 8)),
        ("a record that announces more than comes", [1, 4, 0, 1, 0xFF, 0xFF, 0xFF, 0, 1, 2, 3]),
        (
            "questions about values without end",
            (0..<3_000).flatMap { _ in
                Record(.getValues, id: 0, NameValuePair.encode([NameValuePair("FCGI_MPXS_CONNS", "")])).bytes
            }
        ),
    ]

    @Test("connections that misbehave are closed, and another does not notice", arguments: floods.indices)
    func misbehaves(_ index: Int) async throws {
        var limits = ServingLimits()
        // Longer than a loop that is busy with the floods may keep another connection waiting.
        limits.headTimeout = .seconds(6)
        limits.gatewayIdleTimeout = .seconds(6)
        let (_, flood) = Self.floods[index]
        try await withServer(ScriptedResponder(), limits: limits) { server in
            let address = try server.address(.fastCGI)
            try await withThrowingTaskGroup(of: Void.self) { group in
                for _ in 0..<8 {
                    group.addTask {
                        try await RawClient.with(address) { client in
                            // The server may have closed before all of it is sent.
                            try? await client.send(flood)
                            _ = try await client.bytesUntilEnd()
                        }
                    }
                }
                for _ in 0..<20 {
                    try await RawClient.with(address) { client in
                        try await client.send(Self.request(1, "/hello"))
                        try await client.bytes(until: FastCGIHostTests.isEnd(1))
                    }
                }
                try await group.waitForAll()
            }
            try await eventually { server.server.openConnections == 0 }
        }
    }
}
