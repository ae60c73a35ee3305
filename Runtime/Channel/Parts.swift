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
    /// The body is wanted; HTTP says so to a caller that asked with `Expect: 100-continue`.
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

/// Fired through a channel's pipeline by whoever is stopping the server.
public enum StopEvent: Sendable {
    /// Take no more requests: close now if idle, otherwise after the last answer.
    case drain
    /// Cancel every request that is being answered.
    case cancel
}
