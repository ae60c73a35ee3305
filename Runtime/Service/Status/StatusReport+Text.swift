import FunctionChannel
import FunctionCore

extension StatusReport {
    /// For people: a heading for each part, then `name  value`, one a line.
    var text: String {
        var text = "\(program) \(version), process \(process): \(state.rawValue)\n"
        text += "started \(started), up \(Self.words(uptime))\n"
        for group in groups {
            text += "\n\(group.title)\n"
            for metric in group.metrics {
                for sample in metric.samples {
                    let labels = sample.labels.map { "\($0.name)=\($0.value)" }.joined(separator: " ")
                    let name = labels.isEmpty ? metric.name : "\(metric.name) \(labels)"
                    text += "  \(name.padded(to: 52))  \(Self.words(sample.value, metric.unit))\n"
                }
            }
        }
        if let requests { text += "\nrequests in flight, oldest first\n" + list(requests) }
        return text
    }

    private func list(_ requests: [RequestInFlight]) -> String {
        var text = ""
        for request in requests {
            var words = [
                request.id, request.function?.rawValue ?? "-", request.method.rawValue, request.path.percentEncoded,
                request.clientAddress ?? "-", request.transport.rawValue, Self.words(request.age),
                request.stage.rawValue,
            ]
            if request.isCancelled { words.append("cancelled") }
            if !request.waitsFor.isEmpty { words.append("waits for " + request.waitsFor.joined(separator: ", ")) }
            words.append("\(request.bytesReceived) bytes in, \(request.bytesSent) bytes out")
            text += "  " + words.joined(separator: "  ") + "\n"
        }
        if unlisted > 0 { text += "  and \(unlisted) more\n" }
        if requests.isEmpty && unlisted == 0 { text += "  none\n" }
        return text
    }

    private static func words(_ value: Metric.Value, _ unit: Metric.Unit?) -> String {
        switch (value, unit) {
        case (.integer(let value), .bytes?): bytes(Double(value))
        case (.number(let value), .bytes?): bytes(value)
        case (.number(let value), .seconds?): seconds(value)
        case (.integer(let value), _): "\(value)"
        case (.number(let value), nil): "\(value)"
        case (.histogram(let histogram), _): words(histogram)
        }
    }

    private static func words(_ histogram: DurationHistogram) -> String {
        let count = histogram.count
        guard count > 0 else { return "0" }
        let quantiles = [("p50", 0.5), ("p90", 0.9), ("p99", 0.99)].map { name, share in
            let bound = histogram.quantile(share) ?? 0
            return bound.isFinite
                ? "\(name) ≤ \(seconds(bound))" : "\(name) > \(seconds(DurationHistogram.bounds.last ?? 0))"
        }
        return "\(count), mean \(seconds(histogram.sum.inSeconds / Double(count))), "
            + quantiles.joined(separator: ", ")
    }

    private static func words(_ duration: Duration) -> String { seconds(duration.inSeconds) }

    /// `0.25 ms`, `1.3 s`, `2 h 5 min`.
    static func seconds(_ seconds: Double) -> String {
        switch seconds {
        case ..<1: "\((seconds * 1e5).rounded() / 100) ms"
        case ..<100: "\((seconds * 100).rounded() / 100) s"
        case ..<3_600: "\(Int(seconds) / 60) min \(Int(seconds) % 60) s"
        case ..<86_400: "\(Int(seconds) / 3_600) h \(Int(seconds) / 60 % 60) min"
        default: "\(Int(seconds) / 86_400) d \(Int(seconds) / 3_600 % 24) h"
        }
    }

    private static func bytes(_ bytes: Double) -> String {
        bytes < 1_048_576
            ? "\((bytes / 1_024 * 10).rounded() / 10) KiB" : "\((bytes / 1_048_576 * 10).rounded() / 10) MiB"
    }
}

extension String {
    fileprivate func padded(to width: Int) -> String {
        self + String(repeating: " ", count: max(0, width - count))
    }

    /// A path as a caller would have written it, in ASCII without spaces and controls.
    var percentEncoded: String {
        split(separator: "/", omittingEmptySubsequences: false).map { PercentEncoding.encode($0) }
            .joined(separator: "/")
    }
}
