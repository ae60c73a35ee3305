import HTTPTypes

/// How far a request has come, for the status page and the log of slow requests. Holds no query, no header field and
/// no byte of a body.
public struct RequestInFlight: Sendable {
    public enum Stage: String, Sendable {
        /// Its body is being read.
        case reading
        /// Its function runs, or waits for what ``RequestInFlight/waitsFor`` names.
        case running
        /// Its answer's body is being produced and sent.
        case writing
        /// The caller has left or has had its answer; the task has yet to end.
        case ending
    }

    public var id: String
    public var function: FunctionName?
    public var method: HTTPRequest.Method
    /// Without the query.
    public var path: String
    public var clientAddress: String?
    public var transport: RequestReport.Transport
    public var stage: Stage
    /// Whether its task has been told to stop.
    public var isCancelled: Bool
    /// Since its head arrived.
    public var age: Duration
    /// Bytes of the request's body that have come.
    public var bytesReceived: Int
    /// Bytes of the answer's body handed to the connection.
    public var bytesSent: Int
    /// What it waits for at this moment, as `Server-Timing` names it: `db`, `llm`; several when it waits for several.
    public var waitsFor: [String]
    /// Where its time has gone so far, by the same names.
    public var spent: [(name: String, duration: Duration)]

    public init(
        _ exchange: Exchange, _ head: RequestHead, transport: RequestReport.Transport, stage: Stage, isCancelled: Bool,
        bytesReceived: Int, bytesSent: Int
    ) {
        id = exchange.id.description
        function = exchange.function
        method = head.method
        path = head.target.path
        clientAddress = head.clientAddress
        self.transport = transport
        self.stage = stage
        self.isCancelled = isCancelled
        age = exchange.timing.elapsed
        self.bytesReceived = bytesReceived
        self.bytesSent = bytesSent
        (waitsFor, spent) = exchange.timing.parts
    }
}
