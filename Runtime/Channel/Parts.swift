import FunctionCore
import NIOCore

/// Tells apart the requests that share one connection. HTTP/1.1 has one at a time and calls it 0.
public typealias StreamID = UInt16

/// What a protocol's decoder hands to ``RequestHandler``. For one stream, in this order: a head, any number of body
/// pieces, the end; or `aborted` at any point; or `unreadable` alone.
public enum RequestPart: Sendable {
    case head(StreamID, RequestHead)
    case body(StreamID, ByteBuffer)
    case end(StreamID)
    /// The caller has left. Nothing more is written for this stream, and its id may be used again at once.
    case aborted(StreamID)
    /// There was no head to be had.
    case unreadable(StreamID, Problem)
}

/// What ``RequestHandler`` hands to a protocol's encoder. For one stream: `goAhead` or not, then a `response`, or a
/// `head`, any number of body pieces, and an `end`.
public enum ResponsePart: Sendable {
    /// The body is wanted. Only over HTTP, which says so to a caller that asked with `Expect: 100-continue`.
    case goAhead(StreamID)
    /// A whole response. Without `sendsBody` (HEAD) its body only gives the length.
    case response(StreamID, Response, sendsBody: Bool)
    /// The beginning of a response whose body follows; `response.body` only gives the length, if known.
    case head(StreamID, Response)
    /// Never empty.
    case body(StreamID, ByteBuffer)
    case end(StreamID, Ending)

    public enum Ending: Sendable {
        case complete
        /// The body broke off. The peer must be able to tell, so the connection cannot go on.
        case truncated
    }
}

/// Fired through a channel's pipeline by whoever is stopping the server or handing it over. The last one holds.
public enum StopEvent: Sendable {
    /// Take no more requests: close after the next answer, or after a grace without a request.
    case drain
    /// Give the connection to another process as soon as nothing of a request is in this one, and close it here then.
    /// The closure, called on the channel's event loop, tells whether it has been given; it may be asked again.
    case giveAway(@Sendable (any Channel) -> Bool)
    /// Neither any more: go on as before.
    case stay
    /// Cancel every request that is being answered, and close what is idle.
    case cancel
}
