import FunctionCore

/// Gathers what is wrong with one input while it is being decoded. Used by one synchronous call, never shared.
final class ViolationCollector {
    private(set) var violations: [Problem.Violation] = []
    private let limit: Int
    /// Top-level members that came as text, of a query or a path, and may stand for numbers and Booleans.
    let textMembers: Set<String>

    init(limit: Int, textMembers: Set<String>) {
        self.limit = limit
        self.textMembers = textMembers
    }

    var isFull: Bool { violations.count >= limit }

    /// Takes an error thrown while the value at `path` was being decoded.
    func record(_ error: any Error, at path: [any CodingKey]) {
        guard !isFull else { return }
        switch error {
        case let mismatch as Mismatch:
            violations.append(.init(field: mismatch.path.fieldName, mismatch.message))
        case let violation as Problem.Violation:
            let field = [path.fieldName, violation.field].filter { !$0.isEmpty }.joined(separator: ".")
            violations.append(.init(field: field, violation.message))
        default:
            violations.append(.init(field: path.fieldName, "is not acceptable"))
        }
    }
}

/// A value that is not of the kind asked for.
struct Mismatch: Error {
    let path: [any CodingKey]
    let message: String
}

/// Enough is known, or decoding cannot go on: unwinds to the top, where the collected violations are reported.
struct CollectionEnded: Error {}

struct IndexKey: CodingKey {
    let intValue: Int?
    init(_ index: Int) { intValue = index }
    init?(intValue: Int) { self.intValue = intValue }
    init?(stringValue: String) { nil }
    var stringValue: String { "\(intValue ?? 0)" }
}

extension [any CodingKey] {
    /// `items[2].price`
    var fieldName: String {
        var name = ""
        for key in self {
            if let key = key as? IndexKey {
                name += "[\(key.stringValue)]"
            } else {
                name += name.isEmpty ? key.stringValue : ".\(key.stringValue)"
            }
        }
        return name
    }
}
