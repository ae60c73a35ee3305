import FunctionCore

/// A value with rules of its own: whoever holds one knows that they were kept.
///
/// ```swift
/// public struct Minutes: Validated {
///     public let rawValue: Int
///     public init(_ accepted: Accepted<Int>) { rawValue = accepted.value }
///     public static func check(_ minutes: Int) throws(Problem.Violation) -> Int {
///         guard minutes > 0 else { throw Problem.Violation("must be at least 1") }
///         return minutes
///     }
/// }
/// ```
/// In JSON it is its raw value. For text see ``BoundedText``.
public protocol Validated: Codable, Hashable, Sendable {
    associatedtype RawValue: Codable & Hashable & Sendable

    var rawValue: RawValue { get }

    /// Takes a value that ``check(_:)`` has returned; only ``init(validating:)`` and decoding make an ``Accepted``.
    init(_ accepted: Accepted<RawValue>)

    /// The value to keep: `raw` itself, or its normal form.
    ///
    /// - Throws: the rule that is broken, in words that do not contain the value.
    static func check(_ raw: RawValue) throws(Problem.Violation) -> RawValue
}

/// A raw value that has passed its rules.
public struct Accepted<Value: Sendable>: Sendable {
    public let value: Value
    init(_ value: Value) { self.value = value }
}

extension Validated {
    /// - Throws: the rule that `raw` breaks.
    public init(validating raw: RawValue) throws(Problem.Violation) {
        self.init(Accepted(try Self.check(raw)))
    }

    public init(from decoder: any Decoder) throws {
        try self.init(validating: try RawValue(from: decoder))
    }

    public func encode(to encoder: any Encoder) throws { try rawValue.encode(to: encoder) }

    /// Stands for a value that was refused, so that reading goes on to the next; never reaches a function.
    static func placeholder() throws -> Self { Self(Accepted(try Placeholder.make(RawValue.self))) }
}
