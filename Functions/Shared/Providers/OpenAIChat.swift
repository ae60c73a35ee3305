import FunctionJSON
import HTTPTypes
import Voice
import WebClient

/// Chat completions of OpenAI, or of any server that speaks the same (Gemini, vLLM, llama.cpp, Ollama…).
///
/// `POST {base}/chat/completions`; developers.openai.com, openapi.yaml `CreateChatCompletionRequest`.
public final class OpenAIChat: LanguageModel {
    public struct Configuration: Sendable {
        /// With its version, without a trailing slash: `https://api.openai.com/v1`.
        public var baseURL: String
        public var key: APIKey
        public var model: String
        /// `max_completion_tokens`, or `max_tokens` for servers that do not know it.
        public var tokenLimitField: String
        /// The longest that one attempt may take.
        public var attemptLimit: Duration
        public var retries: RetryPolicy

        public init(
            baseURL: String = "https://api.openai.com/v1", key: APIKey, model: String,
            tokenLimitField: String = "max_completion_tokens", attemptLimit: Duration = .seconds(30),
            retries: RetryPolicy = .init()
        ) {
            self.baseURL = baseURL
            self.key = key
            self.model = model
            self.tokenLimitField = tokenLimitField
            self.attemptLimit = attemptLimit
            self.retries = retries
        }
    }

    /// Tokens allowed beyond one for each character wanted: models that reason count their thoughts too.
    static let tokensBeyondText = 1_000

    private let configuration: Configuration
    private let connection: ProviderConnection

    public convenience init(_ configuration: Configuration, client: WebClient) {
        self.init(configuration, transport: { try await client.send($0) })
    }

    public init(_ configuration: Configuration, transport: @escaping WebTransport) {
        self.configuration = configuration
        connection = ProviderConnection(
            .languageModel, configuration.key, transport, configuration.retries,
            attemptLimit: configuration.attemptLimit)
    }

    /// - Throws: ``ProviderError``; `CancellationError`; whatever `emit` throws.
    public func answer(
        _ chat: Chat, deadline: ContinuousClock.Instant, emit: (String) async throws -> Void
    ) async throws -> AnswerEnd {
        let request = WebRequest(
            method: .post, url: "\(configuration.baseURL)/chat/completions", body: try body(for: chat),
            deadline: deadline)
        let answer = try await connection.exchange(request, deadline: deadline) { response in
            try ChatAnswer(response, json: await response.json(), connection)
        }
        try await emit(answer.text)
        return answer.end
    }

    private func body(for chat: Chat) throws -> [UInt8] {
        let messages = chat.messages.map { message in
            JSONValue.object(["role": .string(message.role.rawValue), "content": .string(message.content)])
        }
        return try JSON.encode(
            JSONValue.object([
                "model": .string(configuration.model), "messages": .array(messages), "stream": .bool(false),
                configuration.tokenLimitField: .number(String(chat.characterLimit + Self.tokensBeyondText)),
            ]))
    }
}
