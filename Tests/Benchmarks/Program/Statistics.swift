/// What repeated measuring of one thing gave.
struct Samples {
    private(set) var values: [Double]

    init(values: [Double] = []) { self.values = values }

    mutating func add(_ value: Double) { values.append(value) }

    var isEmpty: Bool { values.isEmpty }

    /// 0 without a value.
    var median: Double {
        let sorted = values.sorted()
        guard !sorted.isEmpty else { return 0 }
        let middle = sorted.count / 2
        return sorted.count.isMultiple(of: 2) ? (sorted[middle - 1] + sorted[middle]) / 2 : sorted[middle]
    }

    /// What `combine` makes of the two values of each round.
    ///
    /// - Precondition: as many rounds of both.
    func pairs(_ other: Samples, _ combine: (Double, Double) -> Double) -> Samples {
        precondition(values.count == other.values.count, "values of different rounds")
        return Samples(values: zip(values, other.values).map(combine))
    }

    var highest: Double { values.max() ?? 0 }

    /// Half the distance between lowest and highest, as a share of the median.
    var spread: Double {
        guard let low = values.min(), let high = values.max(), median > 0 else { return 0 }
        return (high - low) / 2 / median
    }
}

extension Collection<Double> {
    /// The value that `share` of all are not above; the collection must be sorted. 0 when it is empty.
    func percentile(_ share: Double) -> Double {
        guard !isEmpty else { return 0 }
        return self[index(startIndex, offsetBy: Swift.min(count - 1, Int(Double(count) * share)))]
    }
}
