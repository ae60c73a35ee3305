import HTTPTypes

/// What became of one request: told by its host, once, when its answer has ended. The request log, the access log and
/// the counters are made from it.
public struct RequestReport: Sendable {
    public enum Transport: String, Sendable {
        case cgi
        case fastCGI = "fastcgi"
        case http
    }

    public enum Ending: String, Sendable {
        /// The whole answer was handed to the connection.
        case complete
        /// The answer's body broke off: its producer failed, or made more or less than it had declared.
        case broken
        /// The caller left before the end of its answer, or of its own body.
        case left
        /// The request did not end when it was cancelled at its deadline: the caller got a 503, or half a body.
        case abandoned
    }

    /// What it was called in the answer's `X-Request-Id`; nil where no application answered.
    public var id: String?
    /// nil when no function was found for it.
    public var function: FunctionName?
    /// nil for bytes that never became a request head.
    public var head: RequestHead?
    public var transport: Transport
    /// What was answered; 499 when the caller left before anything was.
    public var status: HTTPResponse.Status
    /// The problem that was answered, if it was one. Its cause is for logs alone.
    public var problem: Problem?
    /// Bytes of the answer's body handed to the connection.
    public var bytes: Int
    public var ending: Ending
    /// From the head's arrival to the end of the answer.
    public var duration: Duration

    public init(
        id: String?, function: FunctionName? = nil, head: RequestHead?, transport: Transport,
        status: HTTPResponse.Status, problem: Problem? = nil, bytes: Int = 0, ending: Ending = .complete,
        duration: Duration = .zero
    ) {
        self.id = id
        self.function = function
        self.head = head
        self.transport = transport
        self.status = status
        self.problem = problem
        self.bytes = bytes
        self.ending = ending
        self.duration = duration
    }

    /// A whole answer that was given without an exchange: decided on the head alone, or on bytes that were none.
    public init(immediate response: Response, to head: RequestHead?, transport: Transport) {
        self.init(
            id: response.common?.requestID.description, head: head, transport: transport, status: response.status,
            problem: response.problem, bytes: response.bytes(for: head?.method))
    }
}

extension Response {
    /// Bytes of a whole body that HTTP sends in answer to this method.
    public func bytes(for method: HTTPRequest.Method?) -> Int {
        method == .head || !statusAllowsBody ? 0 : body.length ?? 0
    }
}
