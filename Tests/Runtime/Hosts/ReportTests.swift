import FunctionChannel
import FunctionCore
import HTTPTypes
import Synchronization
import Testing

@Suite("Reports")
struct ReportTests {
    @Test("a whole answer is reported once, with what was sent", arguments: Transport.allCases)
    func whole(_ transport: Transport) async throws {
        let reports = Reports()
        try await withServer(ReportingResponder(reports: reports)) { server in
            _ = try await transport.send("POST", "/echo/x?secret=1", body: Array("twelve bytes".utf8), to: server)
        }
        let report = try #require(reports.all.first)
        #expect(reports.all.count == 1)
        #expect(report.status == .ok)
        #expect(report.ending == .complete)
        #expect(report.bytes == 12)
        #expect(report.head?.method == .post)
        #expect(report.head?.target.path == "/echo/x")
        #expect(report.transport.rawValue == transport.rawValue.lowercased())
        #expect(report.id?.count == 32)
        #expect(report.duration > .zero)
    }

    @Test("HEAD and 204 count no bytes", arguments: Transport.allCases)
    func noBody(_ transport: Transport) async throws {
        let reports = Reports()
        try await withServer(ReportingResponder(reports: reports)) { server in
            _ = try await transport.send("HEAD", "/bytes/100", to: server)
            _ = try await transport.send("GET", "/empty", to: server)
        }
        #expect(reports.all.map(\.bytes) == [0, 0])
    }

    @Test("a streamed answer that breaks off is broken, with the bytes that left", arguments: Transport.allCases)
    func broken(_ transport: Transport) async throws {
        let reports = Reports()
        try await withServer(ReportingResponder(reports: reports)) { server in
            _ = try await transport.send("GET", "/broken", to: server)
            _ = try await transport.send("GET", "/stream/2500", to: server)
        }
        #expect(reports.all.map(\.ending) == [.broken, .complete])
        #expect(reports.all.map(\.status) == [.ok, .ok])
        #expect(reports.all.map(\.bytes) == [5, 2_500])
    }

    @Test("what is answered without a task is reported too", arguments: Transport.allCases)
    func immediate(_ transport: Transport) async throws {
        let reports = Reports()
        try await withServer(ReportingResponder(reports: reports)) { server in
            _ = try await transport.send("GET", "/missing", to: server)
            _ = try await transport.send("POST", "/echo", body: [], declaring: 1_001, to: server)
            _ = try await transport.send("GET", "/../etc", to: server)
        }
        #expect(reports.all.map(\.status) == [.notFound, .contentTooLarge, .badRequest])
        #expect(reports.all.map { $0.problem?.kind.code } == [nil, "body_too_large", "invalid_path"])
        #expect(reports.all.last?.head == nil)
    }

    @Test("a caller that leaves is reported once, as 499 or with what it had got")
    func left() async throws {
        let reports = Reports()
        let responder = ReportingResponder(reports: reports)
        try await withServer(responder) { server in
            for path in ["/wait", "/endless"] {
                try await RawClient.with(server.address(.http)) { client in
                    try await client.send("GET \(path) HTTP/1.1\r\nHost: a\r\n\r\n")
                    if path == "/wait" {
                        await responder.scripted.events.wait(for: "waiting")
                    } else {
                        try await client.bytes { $0.count > 10_000 }
                    }
                }
                try await eventually { reports.all.count == (path == "/wait" ? 1 : 2) }
            }
            try await eventually { reports.late.count == 1 }
        }
        #expect(reports.all.map(\.ending) == [.left, .left])
        #expect(reports.all.map(\.status.code) == [499, 200])
        #expect(reports.all.last.map { $0.bytes > 10_000 } == true)
        #expect(reports.late == [503])
    }

    @Test("a request that does not stop at its deadline is reported once, however late its task ends")
    func abandoned() async throws {
        let reports = Reports()
        let responder = ReportingResponder(scripted: .init(deadline: .milliseconds(30)), reports: reports)
        var limits = ServingLimits()
        limits.overrun = .milliseconds(30)
        try await withServer(responder, limits: limits) { server in
            let answer = try await Transport.http.send("GET", "/stubborn", to: server)
            #expect(answer.status == 503)
            try await eventually { reports.all.map(\.ending) == [.abandoned] }
            responder.scripted.events.add("release")
            try await eventually { reports.late == [200] }
        }
        #expect(reports.all.map(\.status.code) == [503])
    }

    @Test("a slow request is told of once while it runs, with what it waits for")
    func slow() async throws {
        let reports = Reports()
        let responder = ReportingResponder(reports: reports)
        var limits = ServingLimits()
        limits.slowRequest = .milliseconds(30)
        try await withServer(responder, limits: limits) { server in
            try await RawClient.with(server.address(.http)) { client in
                try await client.send("GET /stubborn?key=secret HTTP/1.1\r\nHost: a\r\n\r\n")
                try await eventually { !reports.slow.isEmpty }
                #expect(reports.all.isEmpty)
                responder.scripted.events.add("release")
                _ = try await client.text(endingWith: "late")
                _ = try await Transport.http.send("GET", "/hello", to: server)
            }
        }
        let slow = try #require(reports.slow.first)
        #expect(reports.slow.count == 1)
        #expect(slow.stage == .running)
        #expect(slow.path == "/stubborn")
        #expect(slow.age >= .milliseconds(30))
    }
}

/// What a responder was told of its requests.
final class Reports: Sendable {
    private struct State {
        var all: [RequestReport] = []
        var slow: [RequestInFlight] = []
        var late: [Int] = []
    }

    private let state = Mutex(State())

    var all: [RequestReport] { state.withLock { $0.all } }
    var slow: [RequestInFlight] { state.withLock { $0.slow } }
    /// Statuses of answers that came too late to be sent.
    var late: [Int] { state.withLock { $0.late } }

    func add(_ report: RequestReport) { state.withLock { $0.all.append(report) } }
    func add(slow request: RequestInFlight) { state.withLock { $0.slow.append(request) } }
    func add(late response: Response) { state.withLock { $0.late.append(response.status.code) } }
}

struct ReportingResponder: Responder {
    var scripted = ScriptedResponder()
    let reports: Reports

    func accept(_ head: RequestHead) -> Acceptance { scripted.accept(head) }
    func refuse(_ problem: Problem) -> Response { scripted.refuse(problem) }
    func ended(_ report: RequestReport) { reports.add(report) }
    func isSlow(_ request: RequestInFlight) { reports.add(slow: request) }
    func endedLate(_ exchange: Exchange, _ response: Response) { reports.add(late: response) }
}
