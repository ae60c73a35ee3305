/// How many durations fell below each of a few bounds, for quantiles over any number of processes.
public struct DurationHistogram: Sendable {
    /// Upper bounds, inclusive, in seconds: from what a plain answer takes to what a provider may.
    public static let bounds: [Double] = [
        0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60,
    ]

    /// Compared as they are: to make a number of a `Duration` takes a division of 128 bits.
    private static let durations = bounds.map { Duration.nanoseconds(Int64(($0 * 1e9).rounded())) }

    /// By bound, and one more for what lies above all of them.
    public private(set) var counts = [Int](repeating: 0, count: bounds.count + 1)
    public private(set) var sum = Duration.zero

    public init() {}

    public var count: Int { counts.reduce(0, +) }

    public mutating func add(_ duration: Duration) {
        var index = 0
        while index < Self.durations.count, Self.durations[index] < duration { index += 1 }
        counts[index] += 1
        sum += duration
    }

    public static func += (histogram: inout DurationHistogram, other: DurationHistogram) {
        for index in histogram.counts.indices { histogram.counts[index] += other.counts[index] }
        histogram.sum += other.sum
    }

    /// The bound that this share of the durations does not exceed, in seconds; infinity when it lies above all bounds,
    /// nil when there are none.
    public func quantile(_ share: Double) -> Double? {
        let total = count
        guard total > 0 else { return nil }
        let wanted = max(1, Int((Double(total) * share).rounded(.up)))
        var seen = 0
        for (index, count) in counts.enumerated() {
            seen += count
            if seen >= wanted { return index < Self.bounds.count ? Self.bounds[index] : .infinity }
        }
        return .infinity
    }
}
