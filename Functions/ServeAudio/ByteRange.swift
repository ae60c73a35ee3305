import FunctionCore

/// What a `Range` field asks for of a representation of known length (RFC 9110 §14.1.2).
enum ByteRange: Equatable {
    /// Everything: no range, one of a unit or form that we do not know, or several at once.
    case whole
    /// From `first` to `last`, both included.
    case part(first: Int, last: Int)
    /// Beyond the end: 416.
    case unsatisfiable

    init(_ field: String?, length: Int) {
        guard let field, field.hasPrefix("bytes="), !field.contains(",") else {
            self = .whole
            return
        }
        let bounds = field.dropFirst(6).split(separator: "-", maxSplits: 1, omittingEmptySubsequences: false)
        guard bounds.count == 2 else {
            self = .whole
            return
        }
        switch (Int(strictDecimal: bounds[0]), Int(strictDecimal: bounds[1])) {
        case (let first?, nil) where bounds[1].isEmpty:
            self = first < length ? .part(first: first, last: length - 1) : .unsatisfiable
        case (let first?, let last?) where first <= last:
            self = first < length ? .part(first: first, last: min(last, length - 1)) : .unsatisfiable
        case (nil, let suffix?) where bounds[0].isEmpty:
            self = suffix > 0 && length > 0 ? .part(first: max(0, length - suffix), last: length - 1) : .unsatisfiable
        default:
            self = .whole
        }
    }
}
