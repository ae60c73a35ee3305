import EmulatorControl
import FunctionJSON
import FunctionTesting
import HTTPTypes
import Synchronization
import Testing
import WebClient

/// The emulators as everybody else meets them: over a socket.
@Suite struct OverHTTPTests {
    private func live(_ body: (LiveSender, Emulation) async throws -> Void) async throws {
        let emulation = Emulation()
        let web = WebClient(logger: quiet)
        try await withServer(emulation.responder) { url in
            try await body(LiveSender(url: url, web: web), emulation)
        }
        await web.shutdown()
    }

    private static let chat: JSONValue = [
        "model": "gpt-4o-mini", "stream": true,
        "messages": [
            ["role": "system", "content": "Café hours: 9–5 ☕."], ["role": "user", "content": "What are your hours?"],
        ],
    ]

    @Test func `chat streams`() async throws {
        try await live { sender, _ in
            let response = try await sender.call("/v1/chat/completions", Self.chat)
            #expect(response.status == .ok && response.text.hasSuffix("data: [DONE]\n\n"))
        }
    }

    @Test func `speech comes as MP3`() async throws {
        try await live { sender, _ in
            let speech: JSONValue = [
                "model": "speech-2.8-turbo", "text": "Hello.", "voice_setting": ["voice_id": "Calm_Woman"],
            ]
            let audio = try await sender.call("/v1/t2a_v2", speech).json.at("data.audio").text ?? ""
            #expect(audio.hasPrefix("ff"))
        }
    }

    @Test func `a checkout is paid and verified`() async throws {
        try await live { sender, _ in
            let id = try #require(try await sender.checkout("pay").transactionID)
            let fields: HTTPFields = [.authorization: "Bearer \(Emulation.key)"]
            let verified = try await sender.get("/v3/transactions/\(id)/verify", fields: fields)
            #expect(try verified.json.at("data.status") == "successful")
        }
    }

    /// A call that has arrived, and has not been answered for a while.
    private func unanswered(_ sender: LiveSender, _ emulation: Emulation) async throws -> Task<TestResponse, any Error> {
        let hasEnded = Mutex(false)
        let call = Task {
            defer { hasEnded.withLock { $0 = true } }
            return try await sender.call("/v1/t2a_v2", [:])
        }
        #expect(try await eventually { emulation.board.report(of: .minimax).requests == 1 })
        // That it never would cannot be seen; an answer that is not kept back comes far sooner.
        try await Task.sleep(for: .milliseconds(400))
        #expect(!hasEnded.withLock { $0 })
        return call
    }

    @Test func `a timeout accepts the request and never answers`() async throws {
        try await live { sender, emulation in
            try await sender.fault(.minimax, ["fault": "timeout"])
            let call = try await unanswered(sender, emulation)
            call.cancel()
            await #expect(throws: WebError.self) { try await call.value }
        }
    }

    @Test func `a held answer comes when the faults are cleared`() async throws {
        try await live { sender, emulation in
            try await sender.fault(.minimax, ["fault": "hold"])
            let call = try await unanswered(sender, emulation)
            emulation.board.clearFaults(of: .minimax)
            #expect(try await call.value.status == .ok)
        }
    }

    @Test(arguments: ["truncated", "disconnect"])
    func `a broken-off answer is an error to the caller`(fault: String) async throws {
        try await live { sender, _ in
            try await sender.fault(.openai, ["fault": .string(fault)])
            await #expect(throws: WebError.self) { try await sender.call("/v1/chat/completions", [:]) }
            #expect(try await sender.call("/v1/chat/completions", [:]).status == .badRequest)
        }
    }

    @Test func `a stream that is cut has no DONE`() async throws {
        try await live { sender, _ in
            try await sender.fault(.openai, ["fault": "truncated"])
            await #expect(throws: WebError.self) { try await sender.call("/v1/chat/completions", Self.chat) }
        }
    }

    @Test func `a drip gives the whole answer, slowly`() async throws {
        try await live { sender, _ in
            try await sender.fault(.flutterwave, ["fault": "drip", "milliseconds": 5])
            let start = ContinuousClock.now
            let response = try await sender.call("/v3/payments", [:])
            #expect(try response.json["message"] == "tx_ref is required")
            #expect(start.duration(to: .now) >= .milliseconds(5 * (response.body.count - 1)))
        }
    }
}
