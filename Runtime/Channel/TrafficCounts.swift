import FunctionCore

/// What has become of requests since the start: on one event loop, or summed over several.
public struct TrafficCounts: Sendable {
    /// Those answered by one function; by none, where `function` is nil.
    public struct OfFunction: Sendable {
        public let function: FunctionName?
        /// By the first digit of the status, 1 to 5, at the index of the same number.
        public var statuses = [0, 0, 0, 0, 0, 0]
        public var durations = DurationHistogram()

        init(function: FunctionName?) { self.function = function }
    }

    public var functions: [OfFunction] = []
    /// Answers that were problems, by code.
    public var problems: [String: Int] = [:]
    /// Callers that left before the end of their answer.
    public var left = 0
    /// Answers whose body broke off through our fault.
    public var broken = 0
    /// Requests cancelled at their deadline.
    public var deadlinesPassed = 0
    /// Of those, the ones that did not end then, and were given up.
    public var abandoned = 0
    /// Requests that took longer than ``ServingLimits/slowRequest``.
    public var slow = 0

    public init() {}

    mutating func count(_ report: RequestReport) {
        // A few functions, whose names are told apart by their first bytes: faster than hashing.
        let index: Int
        if let found = functions.firstIndex(where: { $0.function == report.function }) {
            index = found
        } else {
            index = functions.count
            functions.append(OfFunction(function: report.function))
        }
        functions[index].statuses[min(max(report.status.code / 100, 0), 5)] += 1
        functions[index].durations.add(report.duration)
        if let problem = report.problem { problems[problem.kind.code, default: 0] += 1 }
        switch report.ending {
        case .complete: break
        case .left: left += 1
        case .broken: broken += 1
        case .abandoned: abandoned += 1
        }
    }

    public static func += (counts: inout TrafficCounts, other: TrafficCounts) {
        for theirs in other.functions {
            if let index = counts.functions.firstIndex(where: { $0.function == theirs.function }) {
                for digit in theirs.statuses.indices {
                    counts.functions[index].statuses[digit] += theirs.statuses[digit]
                }
                counts.functions[index].durations += theirs.durations
            } else {
                counts.functions.append(theirs)
            }
        }
        counts.problems.merge(other.problems, uniquingKeysWith: +)
        counts.left += other.left
        counts.broken += other.broken
        counts.deadlinesPassed += other.deadlinesPassed
        counts.abandoned += other.abandoned
        counts.slow += other.slow
    }
}
