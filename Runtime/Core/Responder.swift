/// What every host serves: it decides on the head, then answers once the body is there.
public protocol Responder: Sendable {
    /// Decides on the head alone, before any of the body is read. Does not block and does no I/O.
    func accept(_ head: RequestHead) -> Acceptance

    /// The answer to bytes that never became a request head (bad path, too many header bytes, nothing in time).
    func refuse(_ problem: Problem) -> Response

    /// Told of every request once, when its answer has ended, whatever the answer was. Neither blocks nor does I/O that
    /// could.
    func ended(_ report: RequestReport)

    /// Told once of a request that takes longer than it should, while it is still running.
    func isSlow(_ request: RequestInFlight)

    /// Told when a request's task has ended after its answer had: the caller left, or the task did not stop in time.
    ///
    /// - Parameter response: what nobody was sent.
    func endedLate(_ exchange: Exchange, _ response: Response)
}

extension Responder {
    public func ended(_ report: RequestReport) {}
    public func isSlow(_ request: RequestInFlight) {}
    public func endedLate(_ exchange: Exchange, _ response: Response) {}
}

public enum Acceptance: Sendable {
    /// Decided already (404, 405, preflight…): the body is not wanted.
    case answer(Response)
    case exchange(Exchange)
}

/// One accepted request on its way to one response.
public final class Exchange: Sendable {
    /// Names the request in logs and in its answer.
    public let id: RequestID
    /// nil where no function answers.
    public let function: FunctionName?
    /// Runs since the head arrived.
    public let timing: Timing
    /// Largest body to read, in bytes. A host that sees more calls ``refuse(_:)`` with `body_too_large`.
    public let bodyLimit: Int
    /// A host cancels the task that runs ``respond(to:)`` at this instant, or when the caller leaves.
    public let deadline: ContinuousClock.Instant
    private let answer: @Sendable ([UInt8]) async -> Response
    private let refusal: @Sendable (Problem) -> Response

    public init(
        id: RequestID = RequestID(), function: FunctionName? = nil, timing: Timing = Timing(), bodyLimit: Int,
        deadline: ContinuousClock.Instant, answer: @escaping @Sendable ([UInt8]) async -> Response,
        refusal: @escaping @Sendable (Problem) -> Response
    ) {
        self.id = id
        self.function = function
        self.timing = timing
        self.bodyLimit = bodyLimit
        self.deadline = deadline
        self.answer = answer
        self.refusal = refusal
    }

    /// Runs the function. Never throws: every failure has become a response.
    public func respond(to body: [UInt8]) async -> Response { await answer(body) }

    /// Ends the exchange without running the function, because its body cannot be had.
    public func refuse(_ problem: Problem) -> Response { refusal(problem) }
}
