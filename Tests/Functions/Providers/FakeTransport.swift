import FunctionJSON
import HTTPTypes
import Logging
import Synchronization

@testable import Providers
@testable import WebClient

/// Answers requests from a list, the last answer again and again, and keeps what was sent.
final class FakeTransport: Sendable {
    enum Answer: Sendable {
        case response(Int, String, HTTPFields = [:])
        case bytes([UInt8])
        case error(WebError.Kind)
    }

    private let answers: Mutex<[Answer]>
    private let sent = Mutex<[WebRequest]>([])
    private let slept = Mutex<[Duration]>([])

    init(_ answers: Answer...) { self.answers = Mutex(answers) }

    var requests: [WebRequest] { sent.withLock { $0 } }
    /// Pauses between attempts; none is really slept.
    var pauses: [Duration] { slept.withLock { $0 } }

    func send(_ request: WebRequest) throws -> WebResponse {
        sent.withLock { $0.append(request) }
        let answer = answers.withLock { $0.count > 1 ? $0.removeFirst() : $0[0] }
        switch answer {
        case .response(let status, let body, let fields):
            return WebResponse(status: .init(code: status), fields: fields, body: Array(body.utf8))
        case .bytes(let body): return WebResponse(status: .ok, body: body)
        case .error(let kind): throw WebError(kind, url: request.url)
        }
    }

    func sleep(_ duration: Duration) { slept.withLock { $0.append(duration) } }

    /// The body of the last request, as JSON.
    var lastBody: JSONValue? { requests.last?.body.flatMap { try? JSONValue(parsing: $0) } }
}

extension FakeTransport {
    static let secret = "sk-SECRET-1234567890"

    func openAI(_ change: (inout OpenAIChat.Configuration) -> Void = { _ in }) -> OpenAIChat {
        var configuration = OpenAIChat.Configuration(
            baseURL: "http://llm.test/v1", key: APIKey(Self.secret), model: "gpt-test")
        change(&configuration)
        configuration.retries.sleep = { self.sleep($0) }
        return OpenAIChat(configuration, transport: { try self.send($0) })
    }

    func miniMax(group: String? = nil) -> MiniMaxSpeech {
        MiniMaxSpeech(
            .init(
                baseURL: "http://tts.test", key: APIKey(Self.secret), groupID: group,
                retries: .sleeping { self.sleep($0) }), transport: { try self.send($0) })
    }

    func flutterwave() -> Flutterwave {
        Flutterwave(
            .init(baseURL: "http://pay.test/v3", key: APIKey(Self.secret), retries: .sleeping { self.sleep($0) }),
            transport: { try self.send($0) })
    }
}

extension RetryPolicy {
    /// The usual one, but for how it waits.
    static func sleeping(_ sleep: @escaping @Sendable (Duration) async throws -> Void) -> RetryPolicy {
        var policy = RetryPolicy()
        policy.sleep = sleep
        return policy
    }
}

/// Runs `work` and returns the provider's error that it throws.
func providerError(_ work: () async throws -> Void) async throws -> ProviderError? {
    do {
        try await work()
        return nil
    } catch let error as ProviderError {
        return error
    }
}
