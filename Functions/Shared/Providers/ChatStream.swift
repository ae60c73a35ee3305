import FunctionJSON
import Voice

/// A chat completion as it streams: bytes in, pieces of text out (openapi.yaml `CreateChatCompletionStreamResponse`).
struct ChatStream {
    enum Output: Sendable, Hashable {
        case text(String)
        /// The server gave up in the middle.
        case failed(code: String?)
    }

    private var events = ServerSentEvents()
    private var reason: String?
    private var isDone = false

    /// - Returns: what `bytes` brought, in order.
    /// - Throws: ``NotAChatStream`` for data that is not JSON; ``EventTooLarge``.
    mutating func append(_ bytes: some Sequence<UInt8>) throws -> [Output] {
        try events.append(bytes).compactMap { event in try read(event) }
    }

    /// What the end of the stream leaves over.
    mutating func finish() throws -> [Output] {
        guard let event = events.finish() else { return [] }
        return [try read(event)].compactMap(\.self)
    }

    /// How the answer ended; nil when the stream broke off before it did. `[DONE]` is not waited for: some never send it.
    var end: AnswerEnd? {
        switch reason {
        case nil: isDone ? .finished : nil
        case "length": .cutShort
        default: .finished
        }
    }

    private mutating func read(_ event: [UInt8]) throws -> Output? {
        if event.elementsEqual("[DONE]".utf8) {
            isDone = true
            return nil
        }
        guard let json = try? JSONValue(parsing: event) else { throw NotAChatStream() }
        if let error = ChatError(json) { return .failed(code: error.code?.asCode) }
        // The chunk with the usage has no choice at all.
        guard let choice = json["choices"]?.elements?.first else { return nil }
        if let text = choice["finish_reason"]?.text { reason = text }
        let delta = choice["delta"]
        guard let text = delta?["content"]?.text ?? delta?["refusal"]?.text, !text.isEmpty else { return nil }
        return .text(text)
    }
}

/// An event holds something other than a JSON text.
struct NotAChatStream: Error {}
