import FunctionJSON
import Voice
import WebClient

/// A whole chat completion, read leniently: compatible servers leave out or add nearly anything.
struct ChatAnswer: Sendable, Hashable {
    let text: String
    let end: AnswerEnd

    /// - Throws: ``AttemptFailure`` for a status other than 2xx, an error object, and an answer without words.
    init(_ response: WebResponse, json: JSONValue?, _ connection: ProviderConnection) throws(AttemptFailure) {
        let error = json.flatMap(ChatError.init)
        guard response.status.kind == .successful, error == nil else {
            var failure = connection.failure(response, code: error?.code, message: error?.message)
            if response.status.kind == .successful {
                failure = connection.failure(.unavailable, "200 with an error", again: true, message: error?.message)
            }
            // Of the two things that 429 means, one does not pass by waiting.
            if error?.code == "insufficient_quota" {
                failure = connection.failure(.misconfigured, "\(response.status.code) insufficient_quota")
            }
            throw failure
        }
        guard let choice = json?["choices"]?.elements?.first, let message = choice["message"] else {
            throw connection.failure(.garbage, "no choice in the answer", traceID: response.traceID)
        }
        let reason = choice["finish_reason"]?.text
        text = [message["content"].map(Self.text) ?? "", message["refusal"]?.text ?? ""].joined()
        guard text.contains(where: { !$0.isWhitespace }) else {
            throw connection.failure(
                reason == "content_filter" ? .rejected : .garbage,
                "an empty answer, finished by \(reason?.asCode ?? "nothing")", traceID: response.traceID)
        }
        end = reason == "length" ? .cutShort : .finished
    }

    /// Content is a string, null, or with some servers an array of parts.
    private static func text(of content: JSONValue) -> String {
        content.text ?? content.elements?.compactMap { $0["text"]?.text }.joined() ?? ""
    }
}

/// An error as OpenAI and those compatible with it write it: `{"error": {…}}`, the same in an array (Gemini), or
/// `{"error": "…"}` (Ollama).
struct ChatError: Sendable, Hashable {
    let code: String?
    let message: String?

    init?(_ json: JSONValue) {
        let object = json.elements?.first ?? json
        guard let error = object["error"], error != .null else { return nil }
        // Gemini's `code` is the HTTP status again, and its `status` the name.
        code = error["code"]?.text ?? error["status"]?.text ?? error["type"]?.text
        message = error["message"]?.text ?? error.text
    }
}
