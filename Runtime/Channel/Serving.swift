import FunctionCore

/// What all connections of a server share.
public struct Serving: Sendable {
    public var responder: any Responder
    public var limits: ServingLimits
    public var gate: Gate
    public var traffic = Traffic()
    /// What the operator put before our paths, without a trailing slash; usually empty.
    public var basePath = ""
    /// Proxies whose `X-Forwarded-For` is believed.
    public var trustedProxies = TrustedProxies.none
    /// Told of every request once it has ended, on its event loop; may not wait. nil for nobody.
    public var onEnd: (@Sendable (RequestReport) -> Void)?

    public init(_ responder: any Responder, limits: ServingLimits = .init()) {
        self.responder = responder
        self.limits = limits
        gate = Gate(limit: limits.concurrentRequests)
    }
}

/// The bounds of one server, whatever protocol it speaks.
public struct ServingLimits: Sendable {
    /// Requests being answered at once, over all connections; one more is 503 `overloaded` at once.
    public var concurrentRequests = 1_024
    /// From the first byte of a request's head to its last.
    public var headTimeout = Duration.seconds(15)
    /// From the head to the body's end; after it the answer is 408.
    public var bodyTimeout = Duration.seconds(30)
    /// An HTTP connection without a request is closed after this.
    public var idleTimeout = Duration.seconds(60)
    /// A FastCGI connection without a request is closed after this. Longer than any web server keeps one, since a
    /// connection that we close while it sends costs its request.
    public var gatewayIdleTimeout = Duration.seconds(600)
    /// How long a request may go on after its deadline, when its task has been cancelled.
    public var overrun = Duration.seconds(5)
    /// After how long a request that still runs is logged as slow; nil for never.
    public var slowRequest: Duration?
    /// A connection whose peer takes none of its response for this long is closed.
    public var sendTimeout = Duration.seconds(30)
    /// After an early answer: how long to discard what the peer still sends before closing.
    public var linger = Duration.seconds(2)
    /// When the server ends: how long a connection without a request stays open for one that is on its way. One that it
    /// is closed on may be lost, since web servers do not send a POST again.
    public var drainGrace = Duration.seconds(1)
    /// How soon to try again to give a connection to another process.
    public var giveAwayRetry = Duration.milliseconds(10)
    /// Header fields of one HTTP request.
    public var headerFields = 100
    /// Bytes of one HTTP header field, or of the request target.
    public var headerFieldBytes = 16 * 1_024
    /// Bytes of all HTTP header fields of one request.
    public var headerBytes = 32 * 1_024

    public init() {}
}
