import EmulatorControl
import FunctionCore
import FunctionJSON

/// One finished reply, and its two wire forms (openapi.yaml, `CreateChatCompletionResponse` and
/// `CreateChatCompletionStreamResponse`).
struct ChatReply: Sendable {
    let id = "chatcmpl-" + [UInt8].random(count: 15).hex
    let created: Int
    let model: String
    let tokens: [String]
    let finishReason: String
    let promptTokens: Int
    let choices: Int
    let includeUsage: Bool

    init(to request: ChatRequest, text: String, created: Int) {
        var text = text
        for stop in request.stops where !stop.isEmpty {
            if let index = text.firstIndex(of: stop) { text = String(text[..<index]) }
        }
        let all = Tokens.split(text)
        let limit = request.maximumTokens ?? .max
        self.created = created
        model = request.model
        tokens = Array(all.prefix(limit))
        finishReason = all.count > limit ? "length" : "stop"
        promptTokens = Tokens.count(request.messages)
        choices = request.choices
        includeUsage = request.includeUsage
    }

    /// The answer in one piece.
    var completion: JSONValue {
        let message: JSONValue = [
            "role": "assistant", "content": .string(tokens.joined()), "refusal": nil, "annotations": [],
        ]
        let all = (0..<choices).map { index -> JSONValue in
            ["index": JSONValue(index), "message": message, "logprobs": nil, "finish_reason": .string(finishReason)]
        }
        return envelope("chat.completion", choices: .array(all), usage: usage)
    }

    /// The answer as the data of server-sent events, without the closing `[DONE]`.
    var chunks: [JSONValue] {
        var chunks: [JSONValue] = []
        for index in 0..<choices {
            chunks.append(chunk(index, ["role": "assistant", "content": "", "refusal": nil]))
            chunks += tokens.map { chunk(index, ["content": .string($0)]) }
            chunks.append(chunk(index, [:], finishReason: finishReason))
        }
        if includeUsage { chunks.append(envelope("chat.completion.chunk", choices: [], usage: usage)) }
        return chunks
    }

    private var usage: JSONValue {
        let made = tokens.count * choices
        return [
            "prompt_tokens": JSONValue(promptTokens), "completion_tokens": JSONValue(made),
            "total_tokens": JSONValue(promptTokens + made),
            "prompt_tokens_details": ["cached_tokens": 0, "audio_tokens": 0],
            "completion_tokens_details": [
                "reasoning_tokens": 0, "audio_tokens": 0, "accepted_prediction_tokens": 0,
                "rejected_prediction_tokens": 0,
            ],
        ]
    }

    private func chunk(_ index: Int, _ delta: JSONValue, finishReason: String? = nil) -> JSONValue {
        envelope(
            "chat.completion.chunk",
            choices: [
                [
                    "index": JSONValue(index), "delta": delta, "logprobs": nil,
                    "finish_reason": JSONValue(finishReason),
                ]
            ], usage: includeUsage ? .null : nil)
    }

    private func envelope(_ object: String, choices: JSONValue, usage: JSONValue?) -> JSONValue {
        let json: JSONValue = [
            "id": .string(id), "object": .string(object), "created": JSONValue(created), "model": .string(model),
            "choices": choices, "service_tier": "default", "system_fingerprint": "fp_emulated",
        ]
        return usage.map { json.with("usage", $0) } ?? json
    }
}

extension String {
    /// Where `text` begins for the first time.
    func firstIndex(of text: String) -> Index? {
        indices.first { self[$0...].hasPrefix(text) }
    }
}
