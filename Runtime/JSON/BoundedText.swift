import FunctionCore

/// Text of bounded length without control characters.
///
/// ```swift
/// public struct AgentName: BoundedText {
///     public static let bounds = TextBounds(1...100)
///     public let rawValue: String
///     public init(_ accepted: Accepted<String>) { rawValue = accepted.value }
/// }
/// ```
public protocol BoundedText: Validated where RawValue == String {
    static var bounds: TextBounds { get }
}

extension BoundedText {
    public static func check(_ raw: String) throws(Problem.Violation) -> String { try bounds.check(raw) }
}

/// The rules of a ``BoundedText``.
public struct TextBounds: Sendable {
    /// Unicode code points, which is what Postgres's `char_length` counts.
    public let characters: ClosedRange<Int>
    /// Whether line breaks and tabs are allowed. No other control character ever is.
    public let manyLines: Bool
    /// Whether white space at both ends is dropped first.
    public let trims: Bool

    public init(_ characters: ClosedRange<Int>, manyLines: Bool = false, trims: Bool = true) {
        self.characters = characters
        self.manyLines = manyLines
        self.trims = trims
    }

    /// - Returns: the text, trimmed where that is the rule.
    /// - Throws: which bound it breaks.
    public func check(_ raw: String) throws(Problem.Violation) -> String {
        let text = trims ? raw.trimmed : raw
        let count = text.unicodeScalars.count
        if count > characters.upperBound {
            throw Problem.Violation("must be at most \(Self.count(characters.upperBound))")
        }
        if count < characters.lowerBound {
            throw Problem.Violation(
                characters.lowerBound == 1
                    ? "must not be empty" : "must be at least \(Self.count(characters.lowerBound))")
        }
        guard text.unicodeScalars.allSatisfy(allows) else {
            throw Problem.Violation(
                manyLines ? "must not contain control characters" : "must not contain control characters or line breaks"
            )
        }
        return text
    }

    private func allows(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.value {
        case 0x09, 0x0A, 0x0D, 0x2028, 0x2029: manyLines
        case 0..<0x20, 0x7F..<0xA0: false
        default: true
        }
    }

    private static func count(_ number: Int) -> String { number == 1 ? "1 character" : "\(number) characters" }
}

extension String {
    /// Without white space at both ends.
    fileprivate var trimmed: String {
        let scalars = unicodeScalars
        guard let first = scalars.firstIndex(where: { !$0.properties.isWhitespace }),
            let last = scalars.lastIndex(where: { !$0.properties.isWhitespace })
        else { return "" }
        return String(scalars[first...last])
    }
}
