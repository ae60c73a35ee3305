import FunctionChannel

/// Metrics as text (OpenMetrics 1.0, <https://prometheus.io/docs/specs/om/open_metrics_spec/>).
enum OpenMetrics {
    static let contentType = "application/openmetrics-text; version=1.0.0; charset=utf-8"

    /// - Parameter prefix: put before every name, with an underscore.
    static func text(_ groups: [MetricGroup], prefix: String) -> String {
        var text = ""
        for metric in groups.flatMap(\.metrics) where !metric.samples.isEmpty { append(metric, prefix, to: &text) }
        return text + "# EOF\n"
    }

    private static func append(_ metric: Metric, _ prefix: String, to text: inout String) {
        let name = "\(prefix)_\(metric.fullName)"
        text += "# TYPE \(name) \(metric.kind.rawValue)\n"
        if let unit = metric.unit { text += "# UNIT \(name) \(unit.rawValue)\n" }
        text += "# HELP \(name) \(escape(metric.help)).\n"
        for sample in metric.samples {
            switch (metric.kind, sample.value) {
            case (_, .histogram(let histogram)): append(histogram, name, sample.labels, to: &text)
            case (.counter, let value): line("\(name)_total", sample.labels, value, to: &text)
            case (.info, _): line("\(name)_info", sample.labels, .integer(1), to: &text)
            case (_, let value): line(name, sample.labels, value, to: &text)
            }
        }
    }

    private static func append(
        _ histogram: DurationHistogram, _ name: String, _ labels: [(name: String, value: String)], to text: inout String
    ) {
        var seen = 0
        for (index, count) in histogram.counts.enumerated() {
            seen += count
            let bound = index < DurationHistogram.bounds.count ? "\(DurationHistogram.bounds[index])" : "+Inf"
            line("\(name)_bucket", labels + [("le", bound)], .integer(seen), to: &text)
        }
        line("\(name)_count", labels, .integer(seen), to: &text)
        line("\(name)_sum", labels, .number(histogram.sum.inSeconds), to: &text)
    }

    private static func line(
        _ name: String, _ labels: [(name: String, value: String)], _ value: Metric.Value, to text: inout String
    ) {
        text += name
        if !labels.isEmpty {
            text += "{" + labels.map { "\($0.name)=\"\(escape($0.value))\"" }.joined(separator: ",") + "}"
        }
        switch value {
        case .integer(let value): text += " \(value)\n"
        case .number(let value): text += " \(value)\n"
        case .histogram: text += "\n"
        }
    }

    private static func escape(_ text: String) -> String {
        var escaped = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\\": escaped += "\\\\"
            case "\"": escaped += "\\\""
            case "\n": escaped += "\\n"
            default: escaped.unicodeScalars.append(scalar)
            }
        }
        return escaped
    }
}
