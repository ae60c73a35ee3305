import FunctionChannel

/// One thing that is measured, with a value for each of its label sets. The status page and the metrics page show the
/// same ones under the same names.
public struct Metric: Sendable {
    public enum Kind: String, Sendable {
        /// Only ever grows, from 0 at the start of the process.
        case counter
        case gauge
        case histogram
        /// Says something in its labels; its value is nothing.
        case info
    }

    public enum Unit: String, Sendable {
        case seconds
        case bytes
    }

    public enum Value: Sendable {
        case integer(Int)
        /// A number of ``Metric/unit``.
        case number(Double)
        case histogram(DurationHistogram)
    }

    public struct Sample: Sendable {
        /// In this order everywhere. Names are those of OpenMetrics labels: letters, digits and underscores.
        public var labels: [(name: String, value: String)]
        public var value: Value

        public init(_ labels: [(name: String, value: String)] = [], _ value: Value) {
            self.labels = labels
            self.value = value
        }
    }

    /// Letters, digits and underscores; without a prefix, the unit or `_total`.
    public var name: String
    /// One sentence, without a full stop.
    public var help: String
    public var kind: Kind
    public var unit: Unit?
    public var samples: [Sample]

    public init(_ name: String, _ kind: Kind, _ unit: Unit? = nil, _ help: String, _ samples: [Sample]) {
        self.name = name
        self.kind = kind
        self.unit = unit
        self.help = help
        self.samples = samples
    }

    public static func counter(_ name: String, _ help: String, _ value: Int) -> Metric {
        Metric(name, .counter, nil, help, [Sample([], .integer(value))])
    }

    public static func gauge(_ name: String, _ help: String, _ value: Int, _ unit: Unit? = nil) -> Metric {
        Metric(name, .gauge, unit, help, [Sample([], .integer(value))])
    }

    public static func gauge(_ name: String, _ help: String, _ value: Duration) -> Metric {
        Metric(name, .gauge, .seconds, help, [Sample([], .number(value.inSeconds))])
    }

    /// The name with its unit: `request_duration_seconds`.
    var fullName: String { unit.map { "\(name)_\($0.rawValue)" } ?? name }
}

/// Metrics that belong together, under one heading of the status page.
public struct MetricGroup: Sendable {
    public var title: String
    public var metrics: [Metric]

    public init(_ title: String, _ metrics: [Metric]) {
        self.title = title
        self.metrics = metrics
    }
}

/// A part of the process that has something to tell on the status page. Its answer costs no more than a look, takes no
/// longer than a second, and has no secret in it.
public protocol StatusSource: Sendable {
    func metrics() async -> [MetricGroup]
}

extension Duration {
    public var inSeconds: Double {
        let (seconds, attoseconds) = components
        return Double(seconds) + Double(attoseconds) / 1e18
    }
}
