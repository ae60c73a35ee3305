import FunctionChannel
import FunctionCore

extension StatusReport {
    /// For programs: a member for each metric by its full name, a number where it has no labels, and otherwise an array
    /// of objects, each with its labels and a `value`.
    var json: String {
        var json = JSONText()
        json.member("program", program)
        json.member("version", version)
        json.member("pid", process)
        json.member("state", state.rawValue)
        json.member("started", started)
        json.member("uptime_seconds", uptime.inSeconds)
        for group in groups {
            for metric in group.metrics { Self.append(metric, to: &json) }
        }
        if let requests {
            json.member("requests_listed", objects: requests, write: Self.append)
            json.member("requests_unlisted", unlisted)
        }
        return json.object + "\n"
    }

    private static func append(_ metric: Metric, to json: inout JSONText) {
        if metric.samples.count == 1, let sample = metric.samples.first, sample.labels.isEmpty {
            return append(sample.value, as: metric.fullName, to: &json)
        }
        json.member(metric.fullName, objects: metric.samples) { sample, object in
            for label in sample.labels { object.member(label.name, label.value) }
            if metric.kind != .info { append(sample.value, as: "value", to: &object) }
        }
    }

    private static func append(_ value: Metric.Value, as name: String, to json: inout JSONText) {
        switch value {
        case .integer(let value): json.member(name, value)
        case .number(let value): json.member(name, value)
        case .histogram(let histogram):
            var object = JSONText()
            object.member("count", histogram.count)
            object.member("sum", histogram.sum.inSeconds)
            for (quantile, share) in [("p50", 0.5), ("p90", 0.9), ("p99", 0.99)] {
                // null where there is none, or none that is finite.
                object.member(quantile, histogram.quantile(share) ?? .nan)
            }
            json.member(name, json: object.object)
        }
    }

    private static func append(_ request: RequestInFlight, to json: inout JSONText) {
        json.member("id", request.id)
        if let function = request.function { json.member("function", function.rawValue) }
        json.member("method", request.method.rawValue)
        json.member("path", request.path)
        if let address = request.clientAddress { json.member("client", address) }
        json.member("transport", request.transport.rawValue)
        json.member("age_ms", request.age.milliseconds)
        json.member("stage", request.stage.rawValue)
        json.member("cancelled", json: request.isCancelled ? "true" : "false")
        json.member("bytes_received", request.bytesReceived)
        json.member("bytes_sent", request.bytesSent)
        var waits = JSONText()
        for part in request.spent { waits.member(part.name, part.duration.milliseconds) }
        json.member("spent_ms", json: waits.object)
        // Names of ours: letters alone.
        json.member("waits_for", json: "[" + request.waitsFor.map { "\"\($0)\"" }.joined(separator: ",") + "]")
    }
}
