import FunctionCore
import FunctionJSON
import HTTPTypes
import WebClient

/// Sends one request and returns its answer, whole. ``WebClient/WebClient/send(_:)`` everywhere but in tests.
public typealias WebTransport = @Sendable (WebRequest) async throws -> WebResponse

/// The way to one provider: sends requests, sorts failures, and tries again what may work the next time.
///
/// A class, as are those who ask through it: whatever waits for a provider keeps a pointer to it, and not all of this.
final class ProviderConnection: Sendable {
    private let provider: ProviderError.Provider
    private let key: APIKey
    private let transport: WebTransport
    private let retries: RetryPolicy
    /// The longest that one attempt may take; nil gives it all the time there is.
    private let attemptLimit: Duration?

    init(
        _ provider: ProviderError.Provider, _ key: APIKey, _ transport: @escaping WebTransport, _ retries: RetryPolicy,
        attemptLimit: Duration?
    ) {
        self.provider = provider
        self.key = key
        self.transport = transport
        self.retries = retries
        self.attemptLimit = attemptLimit
    }

    /// Makes `request` until `read` accepts an answer, or it is clear that none will be had.
    ///
    /// - Parameter read: takes the answer, of any status; throws ``AttemptFailure``.
    /// - Throws: ``ProviderError``; `CancellationError`.
    func exchange<Answer: Sendable>(
        _ request: WebRequest, deadline: ContinuousClock.Instant, read: (WebResponse) async throws -> Answer
    ) async throws -> Answer {
        var attempt = 1
        while true {
            let failure: AttemptFailure
            do {
                try Task.checkCancellation()
                let response = try await transport(completed(request, deadline: deadline))
                return try await Self.read(response, read)
            } catch let error as AttemptFailure {
                failure = error
            } catch let error as WebError {
                failure = try sorted(error)
            }
            try await waitForNextAttempt(after: attempt, failure, deadline: deadline)
            attempt += 1
        }
    }

    /// Never inlined, for the reason that ``completed(_:deadline:)`` gives.
    @inline(never)
    private static func read<Answer: Sendable>(
        _ response: WebResponse, _ body: (WebResponse) async throws -> Answer
    ) async throws -> Answer {
        try await body(response)
    }

    /// - Throws: the failure's error where there is to be no further attempt.
    private func waitForNextAttempt(
        after attempt: Int, _ failure: AttemptFailure, deadline: ContinuousClock.Instant
    ) async throws {
        guard failure.mayWorkNextTime, attempt < retries.attempts else { throw failure.error }
        let pause = max(retries.pause(after: attempt, jitter: .random(in: 0...1)), failure.error.retryAfter ?? .zero)
        guard .now + pause + retries.shortestAttempt < deadline else { throw failure.error }
        try await retries.sleep(pause)
    }

    /// Never inlined, as all that is worked out before and after an answer is waited for: its temporaries would be part of
    /// what is kept meanwhile, thousands of times.
    @inline(never)
    private func completed(_ request: WebRequest, deadline: ContinuousClock.Instant) -> WebRequest {
        var request = request
        request.fields[.authorization] = key.bearer
        request.fields[.accept] = "application/json"
        if request.body != nil { request.fields[.contentType] = "application/json" }
        request.deadline = attemptLimit.map { min(deadline, .now + $0) } ?? deadline
        return request
    }

    /// - Throws: `CancellationError` when it was us who gave up.
    @inline(never)
    private func sorted(_ error: WebError) throws(CancellationError) -> AttemptFailure {
        switch error.kind {
        case .cancelled:
            if Task.isCancelled { throw CancellationError() }
            return failure(.unavailable, "\(error)")
        case .timeout: return failure(.timedOut, "\(error)", again: true)
        case .connect, .other: return failure(.unavailable, "\(error)", again: true)
        case .tls: return failure(.misconfigured, "\(error)")
        case .tooLarge: return failure(.garbage, "\(error)")
        }
    }

    func failure(
        _ kind: ProviderError.Kind, _ detail: String, again: Bool = false, traceID: String? = nil,
        retryAfter: Duration? = nil, message: String? = nil
    ) -> AttemptFailure {
        AttemptFailure(
            error: ProviderError(
                provider, kind, detail, traceID: traceID?.asCode, retryAfter: retryAfter,
                message: message.map(key.redacted)),
            mayWorkNextTime: again)
    }

    /// What a status other than 2xx means, with the provider's own code and sentence where there are any.
    func failure(_ response: WebResponse, code: String? = nil, message: String? = nil) -> AttemptFailure {
        let status = response.status.code
        let (kind, again): (ProviderError.Kind, Bool) =
            switch status {
            case 429: (.rateLimited, true)
            case 408, 409, 500...599: (.unavailable, true)
            // No answer to what we ask is a redirect: the base URL is another server's.
            case 300...399, 401, 402, 403, 404, 405: (.misconfigured, false)
            default: (.rejected, false)
            }
        return failure(
            kind, [String(status), code?.asCode].compactMap(\.self).joined(separator: " "), again: again,
            traceID: response.traceID, retryAfter: response.retryAfter, message: message)
    }
}

/// One attempt that did not work.
struct AttemptFailure: Error {
    var error: ProviderError
    var mayWorkNextTime: Bool
}

extension WebResponse {
    /// Bytes of JSON that an event loop can spare the time to parse. Megabytes would hold up every other request on it.
    private static let shortJSON = 32 * 1_024

    /// - Returns: nil when the body is not JSON.
    func json() async -> JSONValue? {
        await read(atOnce: Self.shortJSON) { try? JSONValue(parsing: body) }
    }

    /// Runs `work`, which reads all of the body: where it is called when the body has at most `limit` bytes, else off the
    /// event loop, which costs the way to another thread and back.
    func read<Result: Sendable>(
        atOnce limit: Int, _ work: @Sendable () throws -> Result
    ) async rethrows -> Result {
        guard body.count > limit else { return try work() }
        return try await withTaskExecutorPreference(globalConcurrentExecutor) { try work() }
    }

    /// What the provider calls this exchange.
    var traceID: String? {
        for name in [HTTPField.Name.traceID, .requestID] {
            if let value = fields[name]?.asCode { return value }
        }
        return nil
    }

    /// `Retry-After` in seconds (RFC 9110 §10.2.3; its date form is not used by those we ask), or `retry-after-ms`.
    var retryAfter: Duration? {
        if let text = fields[.retryAfterMilliseconds], let value = Double(text), (0...3_600_000).contains(value) {
            return .milliseconds(Int(value.rounded(.up)))
        }
        if let text = fields[.retryAfter], let value = Double(text), (0...3_600).contains(value) {
            return .milliseconds(Int((value * 1_000).rounded(.up)))
        }
        return nil
    }
}

extension HTTPField.Name {
    fileprivate static let traceID = Self("Trace-Id")!
    fileprivate static let retryAfterMilliseconds = Self("Retry-After-Ms")!
}

extension JSONValue {
    var number: String? { if case .number(let text) = self { text } else { nil } }
    var elements: [JSONValue]? { if case .array(let values) = self { values } else { nil } }
}
