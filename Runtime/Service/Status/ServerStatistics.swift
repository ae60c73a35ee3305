import FunctionChannel
import FunctionCore

/// What a server's event loops, gate and connections say of themselves at one moment.
struct ServerStatistics: Sendable {
    var state: ServerState
    var counts = TrafficCounts()
    /// Requests in flight, reading and running, oldest first; as many as were asked for.
    var requests: [RequestInFlight] = []
    /// Requests in flight, reading and running.
    var inFlight = 0
    var activeConnections = 0
    /// By loop; nil where it did not answer.
    var lags: [Duration?] = []
    /// Requests whose tasks run.
    var running: Gate.Statistics
    var runningLimit: Int
    var connections: Gate.Statistics
    var connectionLimit: Int

    /// Requests listed at most, all loops together.
    static let longestList = 1_000
    /// How long an event loop may take to answer before it counts as stuck.
    static let patience = Duration.seconds(1)

    var stuckLoops: Int { lags.count { $0 == nil } }
}

extension ServerStatistics {
    /// As the status page shows them.
    var groups: [MetricGroup] {
        [
            MetricGroup("requests", requestMetrics), MetricGroup("connections", connectionMetrics),
            MetricGroup("event loops", loopMetrics),
        ]
    }

    private var requestMetrics: [Metric] {
        let functions = counts.functions.sorted { Self.label($0) < Self.label($1) }
        return [
            .gauge("requests_in_flight", "Requests whose body is being read or that are being answered", inFlight),
            .gauge("requests_running", "Requests whose functions run", running.count),
            .gauge("requests_running_maximum", "Most requests that ran at once since the start", running.maximum),
            .gauge(
                "requests_running_limit", "Requests that may run at once; one more is refused as overloaded",
                runningLimit),
            .counter("requests_overloaded", "Requests refused because that many ran", running.refused),
            Metric(
                "requests", .counter, nil, "Requests answered, by function and status class",
                functions.flatMap { function in
                    function.statuses.enumerated().compactMap { digit, count in
                        count == 0
                            ? nil
                            : .init([("function", Self.label(function)), ("status", "\(digit)xx")], .integer(count))
                    }
                }),
            Metric(
                "problems", .counter, nil, "Answers that were problems, by code",
                counts.problems.sorted { $0.key < $1.key }.map { .init([("code", $0.key)], .integer($0.value)) }),
            .counter("requests_left", "Requests whose caller left before the end of the answer", counts.left),
            .counter("requests_broken", "Answers whose body broke off through a fault of ours", counts.broken),
            .counter("deadlines_passed", "Requests cancelled at their deadline", counts.deadlinesPassed),
            .counter(
                "requests_abandoned", "Requests given up because they did not end when cancelled", counts.abandoned),
            .counter("requests_slow", "Requests that took longer than the setting for slow ones", counts.slow),
            Metric(
                "request_duration", .histogram, .seconds, "From a request's head to the end of its answer, by function",
                functions.map { .init([("function", Self.label($0))], .histogram($0.durations)) }),
        ]
    }

    private static func label(_ function: TrafficCounts.OfFunction) -> String { function.function?.rawValue ?? "none" }

    private var connectionMetrics: [Metric] {
        [
            .counter("connections_accepted", "Connections accepted since the start", connections.entered),
            .counter(
                "connections_refused", "Connections closed at once because there were too many", connections.refused),
            .gauge("connections_open", "Connections open now", connections.count),
            .gauge("connections_active", "Connections open now with a request in flight", activeConnections),
            .gauge(
                "connections_idle", "Connections open now without one", max(0, connections.count - activeConnections)),
            .gauge("connections_limit", "Connections that may be open", connectionLimit),
        ]
    }

    private var loopMetrics: [Metric] {
        [
            .gauge("event_loops", "Threads that do I/O and run functions", lags.count),
            .gauge("event_loops_stuck", "Event loops that did not answer within a second", stuckLoops),
            Metric(
                "event_loop_lag", .gauge, .seconds, "How long each event loop took to come to a question just now",
                lags.enumerated().map {
                    .init([("loop", "\($0)")], .number(($1 ?? Self.patience).inSeconds))
                }),
        ]
    }
}

extension Server {
    /// Asks every event loop, none for longer than ``ServerStatistics/patience``.
    ///
    /// - Parameter listing: how many requests in flight to list.
    func statistics(listing: Int) async -> ServerStatistics {
        var statistics = ServerStatistics(
            state: connections.lastEvent == nil ? .serving : .draining, running: serving.gate.statistics,
            runningLimit: serving.gate.limit, connections: connections.statistics,
            connectionLimit: configuration.connections)
        let answers = await serving.traffic.look(listing: listing, patience: ServerStatistics.patience)
        for answer in answers {
            statistics.lags.append(answer?.lag)
            guard let answer else { continue }
            statistics.counts += answer.counts
            statistics.inFlight += answer.inFlight
            statistics.activeConnections += answer.activeConnections
            statistics.requests += answer.requests
        }
        statistics.requests.sort { $0.age > $1.age }
        statistics.requests = Array(statistics.requests.prefix(listing))
        return statistics
    }
}
