import EmulatorControl
import FunctionJSON
import FunctionTesting
import HTTPTypes
import Testing

@Suite struct ControlTests {
    private let emulation = Emulation()

    @Test func `nothing has been asked at first`() async throws {
        let json = try await emulation.get("/_control").json
        for provider in ["openai", "minimax", "flutterwave"] { #expect(json.at("\(provider).requests") == 0) }
    }

    @Test func `requests are counted and kept, without the key`() async throws {
        _ = try await emulation.call("/v1/chat/completions?x=1", ["model": "gpt-4o"])
        let report = try await emulation.get("/_control/openai")
        let json = try report.json
        #expect(json.at("requests") == 1 && json.at("operations.chat") == 1)
        #expect(json.at("recent.0.path") == "/v1/chat/completions" && json.at("recent.0.query") == "x=1")
        #expect(json.at("recent.0.body") == #"{"model":"gpt-4o"}"#)
        #expect(!report.text.contains(Emulation.key))
        #expect(try await emulation.get("/_control/minimax").json.at("requests") == 0)
    }

    @Test func `a fault lasts as many times as it was given, in order, and always until cleared`() async throws {
        try await emulation.fault(.openai, ["fault": "server_error", "times": 2])
        try await emulation.fault(.openai, ["fault": "rate_limited", "always": true])
        var statuses: [Int] = []
        for _ in 0..<5 { statuses.append(try await emulation.call("/v1/chat/completions", [:]).status.code) }
        #expect(statuses == [500, 500, 429, 429, 429])
        let cleared = try await emulation.send(TestRequest(.delete, "/_control/openai/faults"))
        #expect(cleared.status == .noContent)
        #expect(try await emulation.call("/v1/chat/completions", [:]).status == .badRequest)
        #expect(emulation.board.report(of: .openai).requests == 6)
    }

    @Test func `a fault on one operation leaves the others alone`() async throws {
        try await emulation.fault(.flutterwave, ["fault": "server_error", "on": "verify"])
        #expect(try await emulation.call("/v3/payments", [:]).status == .badRequest)
        let fields: HTTPFields = [.authorization: "Bearer \(Emulation.key)"]
        #expect(try await emulation.get("/v3/transactions/1/verify", fields: fields).status == .internalServerError)
    }

    @Test func `reset forgets counts and faults of all three`() async throws {
        try await emulation.fault(.openai, ["fault": "server_error"])
        _ = try await emulation.call("/v1/t2a_v2", [:])
        _ = try await emulation.send(TestRequest(.delete, "/_control"))
        #expect(emulation.board.report(of: .minimax).requests == 0)
        #expect(emulation.board.report(of: .openai).faults.isEmpty)
    }

    @Test(
        arguments: [
            ("openai", ["fault": "nonsense"]), ("openai", ["fault": "null_data"]), ("minimax", [:]),
            ("minimax", ["fault": "empty", "times": 0]),
        ] as [(String, JSONValue)])
    func `a fault that a provider cannot show is refused`(provider: String, fault: JSONValue) async throws {
        let response = try await emulation.call("/_control/\(provider)/faults", fault, key: nil)
        #expect(response.status == .unprocessableContent)
        #expect(try await emulation.call("/_control/nobody/faults", fault, key: nil).status == .notFound)
    }

    @Test func `garbage is HTML and empty is nothing, both under 200`() async throws {
        try await emulation.fault(.minimax, ["fault": "garbage"])
        let garbage = try await emulation.call("/v1/t2a_v2", [:])
        #expect(garbage.status == .ok && garbage.fields[.contentType] == "text/html")
        #expect((try? garbage.json) == nil)
        try await emulation.fault(.minimax, ["fault": "empty"])
        let empty = try await emulation.call("/v1/t2a_v2", [:])
        #expect(empty.status == .ok && empty.body.isEmpty)
    }

    @Test func `a delayed answer is late and otherwise right`() async throws {
        try await emulation.fault(.minimax, ["fault": "delay", "milliseconds": 150])
        let start = ContinuousClock.now
        let response = try await emulation.call("/v1/t2a_v2", [:], key: nil)
        #expect(start.duration(to: .now) >= .milliseconds(150))
        #expect(try response.json.at("base_resp.status_code") == 1004)
    }

    @Test func `a truncated answer announces more than it sends`() async throws {
        try await emulation.fault(.minimax, ["fault": "truncated"])
        await #expect(throws: (any Error).self) { try await emulation.call("/v1/t2a_v2", [:]) }
    }
}
