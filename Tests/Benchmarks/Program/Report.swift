import FoundationEssentials

/// What a run found: rows of one table of figures, and of one of targets.
struct Report {
    private var figures: [[String]] = []
    private var targets: [[String]] = []

    static let figureColumns = [
        "What", "Who", "requests/s", "spread", "CPU µs/request", "p50 ms", "p99 ms", "RSS MB", "CallWaiting is",
    ]
    static let targetColumns = ["Target", "Wanted", "Measured", ""]

    var isEmpty: Bool { figures.isEmpty && targets.isEmpty }

    mutating func add(_ what: String, _ who: String, _ cells: Contest.Figures, ratio: Double?) {
        figures.append([
            what, who, cells.requestsPerSecond.whole, "±\(Int((cells.requestsPerSecond.spread * 100).rounded())) %",
            cells.cpu.short, cells.p50.short, cells.p99.short, cells.memory.short, ratio.map { "\($0.short)×" } ?? "",
        ])
    }

    /// A row that has only some of the figures.
    mutating func add(
        _ what: String, _ who: String, requestsPerSecond: Samples = Samples(), cpu: Samples = Samples(),
        p50: Samples = Samples(), p99: Samples = Samples(), memory: Samples = Samples(), ratio: Double? = nil
    ) {
        let spread = requestsPerSecond.isEmpty ? p50.spread : requestsPerSecond.spread
        figures.append([
            what, who, requestsPerSecond.whole, "±\(Int((spread * 100).rounded())) %", cpu.short, p50.short, p99.short,
            memory.short, ratio.map { "\($0.short)×" } ?? "",
        ])
    }

    mutating func target(_ what: String, wanted: String, measured: String, _ isMet: Bool) {
        targets.append([what, wanted, measured, isMet ? "met" : "not met"])
    }

    var tables: String {
        Self.table(Self.figureColumns, figures) + "\n" + Self.table(Self.targetColumns, targets)
    }

    private static func table(_ columns: [String], _ rows: [[String]]) -> String {
        let rule = columns.map { _ in "---" }
        return ([columns, rule] + rows).map { "| " + $0.joined(separator: " | ") + " |\n" }.joined()
    }
}

extension Samples {
    /// The median without a fraction; empty without a value.
    var whole: String { isEmpty ? "" : "\(Int(median.rounded()))" }

    /// The median in about three digits; empty without a value.
    var short: String { isEmpty ? "" : median.short }
}

extension Double {
    /// About three digits: 123, 12.3, 1.23.
    var short: String {
        switch abs(self) {
        case 100...: "\(Int(rounded()))"
        case 10...: fixed(1)
        default: fixed(2)
        }
    }

    /// With so many digits after the point, one to three.
    func fixed(_ digits: Int) -> String {
        let scale = [1, 10, 100, 1_000][digits]
        let whole = Int((abs(self) * Double(scale)).rounded())
        let fraction = "\(whole % scale)"
        let zeros = String(repeating: "0", count: digits - fraction.count)
        return "\(self < 0 ? "-" : "")\(whole / scale).\(zeros)\(fraction)"
    }
}
