import FunctionCore

/// Everything that the status page says, however it is written.
struct StatusReport: Sendable {
    /// The program's name, also the prefix of its metrics.
    var program: String
    var version: String
    var process: Int
    var state: ServerState
    var started: UTCText
    var uptime: Duration
    var groups: [MetricGroup]
    /// Requests in flight, oldest first; nil when nobody asked.
    var requests: [RequestInFlight]?
    /// Requests in flight beyond the ones listed.
    var unlisted = 0

    /// A moment, ready to be written.
    typealias UTCText = String
}

/// How far a server is in its life.
public enum ServerState: String, Sendable {
    case serving
    /// Takes no more connections and ends after its last answer.
    case draining
}
