import EmulatorControl
import FunctionJSON
import FunctionTesting
import HTTPTypes
import Testing

@Suite struct OpenAITests {
    private let emulation = Emulation()
    private static let prompt = """
        You are Maya, the receptionist of Bright Dental. Always be brief. Never give medical advice.
        - Business hours: Monday to Friday, 9 a.m. to 5 p.m.
        - A check-up costs 500 rupees. We are at 12 Park Street, near the town hall.
        If asked about refunds, say that they take seven days.
        """

    private func ask(
        _ question: String, prompt: String = prompt, _ more: [String: JSONValue] = [:]
    ) async throws -> TestResponse {
        let body: [String: JSONValue] = [
            "model": "gpt-4o-mini",
            "messages": [
                ["role": "system", "content": .string(prompt)], ["role": "user", "content": .string(question)],
            ],
        ]
        return try await emulation.call("/v1/chat/completions", .object(body.merging(more) { _, new in new }))
    }

    private func answer(_ question: String, prompt: String = prompt) async throws -> String {
        try await ask(question, prompt: prompt).json.at("choices.0.message.content").text ?? ""
    }

    @Test(arguments: [
        ("What are your business hours?", "9 a.m. to 5 p.m."), ("When do you open?", "Monday to Friday"),
        ("How much is a check-up?", "500 rupees"), ("Where are you located?", "12 Park Street"),
        ("Can I get a refund?", "They take seven days."), ("Who are you?", "I am Maya"),
        ("Hello!", "How can I help you today?"), ("Do you sell bicycles?", "I do not have that information"),
    ])
    func `a question is answered from the prompt`(question: String, expected: String) async throws {
        let answer = try await answer(question)
        #expect(answer.contains(expected), "\(answer)")
    }

    @Test(arguments: [
        "Our hours are 8 to 6, every day.", "You answer for a bakery. The shop opens at 8 and closes at 6.",
        "We are open 8-6.", "Opening times\n8 to 6 on weekdays\nClosed on Sunday",
        "# Hours\n\n- Monday: 8 to 6\n- Tuesday: 8 to 6\n\n# Services\n- Cleaning\n- Whitening",
        "Bright Dental\nHours: 8 to 6\nPhone: 555 0199",
    ])
    func `hours are found however the prompt says them`(prompt: String) async throws {
        let answer = try await answer("What are your business hours?", prompt: prompt)
        #expect(answer.contains("8") && answer.contains("6"), "\(answer)")
    }

    @Test func `a list below a heading is one answer`() async throws {
        let prompt = "You are a clerk.\nServices:\n- Cleaning\n- Whitening\nAlways be kind."
        #expect(
            try await answer("Which services do you offer?", prompt: prompt) == "Our services are Cleaning, Whitening.")
    }

    @Test func `rules for the model are not told to the caller`() async throws {
        #expect(!(try await answer("What are your business hours?").contains("Always")))
    }

    @Test func `what the caller said before is remembered`() async throws {
        let response = try await ask(
            "",
            [
                "messages": [
                    ["role": "system", "content": "You are a clerk."],
                    ["role": "user", "content": "Hi, my name is Ravi."],
                    ["role": "assistant", "content": "Hello Ravi."], ["role": "user", "content": "What is my name?"],
                ]
            ])
        #expect(try response.json.at("choices.0.message.content").text?.contains("your name is Ravi") == true)
    }

    @Test func `an answer in one piece has every member that the vendor documents`() async throws {
        let response = try await ask("When do you open?")
        let json = try response.json
        #expect(response.status == .ok)
        #expect(json.at("object") == "chat.completion")
        #expect(json.at("id").text?.hasPrefix("chatcmpl-") == true)
        #expect(json.at("model") == "gpt-4o-mini")
        #expect(json.at("choices.0.message.role") == "assistant")
        #expect(json.at("choices.0.finish_reason") == "stop")
        let (prompt, made) = (
            json.at("usage.prompt_tokens").integer ?? 0, json.at("usage.completion_tokens").integer ?? 0
        )
        #expect(prompt > 0 && made > 0)
        #expect(json.at("usage.total_tokens").integer == prompt + made)
        for name in [
            "x-request-id", "x-ratelimit-limit-requests", "x-ratelimit-remaining-tokens", "x-ratelimit-reset-requests",
        ] {
            #expect(response.fields[HTTPField.Name(name)!] != nil, "\(name)")
        }
    }

    @Test func `a stream begins with the role, ends with the usage and DONE, and adds up to the answer`() async throws {
        let whole = try await answer("When do you open?")
        let response = try await ask(
            "When do you open?", ["stream": true, "stream_options": ["include_usage": true]])
        #expect(response.fields[.contentType]?.hasPrefix("text/event-stream") == true)
        let events = response.text.components(by: "\n\n")
        #expect(events.last == "data: [DONE]")
        let chunks = try events.dropLast().map { try JSONValue(parsing: Array($0.dropFirst(6).utf8)) }
        #expect(chunks.first?.at("choices.0.delta.role") == "assistant")
        #expect(chunks.compactMap { $0.at("choices.0.delta.content").text }.joined() == whole)
        #expect(chunks.dropLast().last?.at("choices.0.finish_reason") == "stop")
        #expect(chunks.dropLast().allSatisfy { $0["usage"] == .null })
        #expect(chunks.last?.at("choices") == [])
        #expect((chunks.last?.at("usage.completion_tokens").integer ?? 0) > 0)
    }

    @Test func `a stream without include_usage has no usage`() async throws {
        let response = try await ask("Hello", ["stream": true])
        #expect(!response.text.contains("usage"))
    }

    @Test func `too few tokens end the answer with length`() async throws {
        let response = try await ask("When do you open?", ["max_completion_tokens": 3])
        #expect(try response.json.at("choices.0.finish_reason") == "length")
        #expect(try response.json.at("usage.completion_tokens").integer == 3)
    }

    @Test func `characters of several bytes come through a stream whole`() async throws {
        let prompt = "हम सोमवार से शुक्रवार तक खुले हैं। Café hours: 9–5 ☕"
        let response = try await ask(
            "hours?",
            [
                "stream": true,
                "messages": [
                    ["role": "system", "content": .string(prompt)], ["role": "user", "content": "Café hours?"],
                ],
            ])
        let text = try response.text.components(by: "\n\n").dropLast()
            .map { try JSONValue(parsing: Array($0.dropFirst(6).utf8)) }
            .compactMap { $0.at("choices.0.delta.content").text }.joined()
        #expect(text.contains("9–5 ☕"), "\(text)")
    }

    static let wrong: [(String, JSONValue, Int, String?, String?)] = [
        ("no model", ["messages": [["role": "user", "content": "x"]]], 400, nil, nil),
        (
            "unknown model", ["model": "nope", "messages": [["role": "user", "content": "x"]]], 404, nil,
            "model_not_found"
        ),
        ("no messages", ["model": "gpt-4o"], 400, "messages", "missing_required_parameter"),
        ("empty messages", ["model": "gpt-4o", "messages": []], 400, "messages", "empty_array"),
        ("messages of text", ["model": "gpt-4o", "messages": "x"], 400, "messages", "invalid_type"),
        (
            "wrong role", ["model": "gpt-4o", "messages": [["role": "boss", "content": "x"]]], 400, "messages[0].role",
            "invalid_value"
        ),
        (
            "no content", ["model": "gpt-4o", "messages": [["role": "user"]]], 400, "messages[0].content",
            "invalid_type"
        ),
        (
            "hot", ["model": "gpt-4o", "temperature": 3, "messages": [["role": "user", "content": "x"]]], 400,
            "temperature", "decimal_above_max_value"
        ),
        (
            "old limit", ["model": "o3-mini", "max_tokens": 3, "messages": [["role": "user", "content": "x"]]], 400,
            "max_tokens", "unsupported_parameter"
        ),
        (
            "unknown member", ["model": "gpt-4o", "wat": 3, "messages": [["role": "user", "content": "x"]]], 400, nil,
            nil
        ),
        (
            "usage without stream",
            [
                "model": "gpt-4o", "stream_options": ["include_usage": true],
                "messages": [["role": "user", "content": "x"]],
            ], 400, "stream_options", nil
        ),
    ]

    @Test(arguments: wrong)
    func `a wrong body is refused as OpenAI refuses it`(
        _: String, body: JSONValue, status: Int, param: String?, code: String?
    ) async throws {
        let response = try await emulation.call("/v1/chat/completions", body)
        let error = try response.json.at("error")
        #expect(response.status.code == status)
        #expect(Set(error.members?.keys.map { $0 } ?? []) == ["message", "type", "param", "code"])
        #expect(error["param"] == JSONValue(param) && error["code"] == JSONValue(code), "\(error)")
    }

    @Test(arguments: [(nil, nil), ("sk-wrong", "invalid_api_key")])
    func `a missing or wrong key is 401`(key: String?, code: String?) async throws {
        let response = try await emulation.call("/v1/chat/completions", ["model": "gpt-4o"], key: key)
        #expect(response.status == .unauthorized)
        #expect(try response.json.at("error.code") == JSONValue(code))
    }

    @Test(arguments: [
        ("unauthorized", 401, "invalid_api_key"), ("rate_limited", 429, "rate_limit_exceeded"),
        ("insufficient_quota", 429, "insufficient_quota"), ("server_error", 500, nil),
        ("unavailable", 503, "engine_overloaded"),
    ])
    func `a queued refusal is said once, and the next answer is good`(
        fault: String, status: Int, code: String?
    ) async throws {
        try await emulation.fault(.openai, ["fault": .string(fault), "retryAfter": 7])
        let refused = try await ask("Hello")
        #expect(refused.status.code == status)
        #expect(try refused.json.at("error.code") == JSONValue(code))
        #expect(refused.fields[.retryAfter] == "7")
        #expect(try await ask("Hello").status == .ok)
    }

    @Test func `an error in mid-stream is an event, and no DONE follows`() async throws {
        try await emulation.fault(.openai, ["fault": "stream_error"])
        let response = try await ask("When do you open?", ["stream": true])
        #expect(response.status == .ok)
        #expect(response.text.contains("data: {\"error\""))
        #expect(!response.text.contains("[DONE]"))
    }

    @Test func `keep-alive comments come before the events`() async throws {
        try await emulation.fault(.openai, ["fault": "keep_alive"])
        #expect(try await ask("Hello", ["stream": true]).text.hasPrefix(": keep-alive\n\ndata: "))
    }

    @Test func `an empty reply has empty content`() async throws {
        try await emulation.fault(.openai, ["fault": "empty_reply"])
        #expect(try await ask("Hello").json.at("choices.0.message.content") == "")
    }
}

extension String {
    /// What stands between occurrences of `separator`, empty pieces left out.
    func components(by separator: String) -> [String] {
        var pieces: [String] = []
        var rest = Substring(self)
        while let index = rest.indices.first(where: { rest[$0...].hasPrefix(separator) }) {
            pieces.append(String(rest[..<index]))
            rest = rest[index...].dropFirst(separator.count)
        }
        return (pieces + [String(rest)]).filter { !$0.isEmpty }
    }
}
