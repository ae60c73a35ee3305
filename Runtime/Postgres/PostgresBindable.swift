/// A value that can be bound to a parameter (`$1`, `$2`, …). It travels as text; the statement says the type where
/// Postgres cannot infer it (`$1::uuid`).
public protocol PostgresBindable: Sendable {
    /// What Postgres reads as this value. Must not contain U+0000: such a statement fails before it is sent.
    var postgresText: String { get }
}

extension PostgresBindable where Self: LosslessStringConvertible {
    public var postgresText: String { String(self) }
}

extension PostgresBindable where Self: RawRepresentable, RawValue: PostgresBindable {
    public var postgresText: String { rawValue.postgresText }
}

extension String: PostgresBindable {
    public var postgresText: String { self }
}

extension Int: PostgresBindable {}
extension Int32: PostgresBindable {}
extension Int64: PostgresBindable {}
extension Bool: PostgresBindable {}

extension Double: PostgresBindable {
    /// The shortest digits that read back as the same number; `NaN` and `Infinity` as Postgres spells them.
    public var postgresText: String {
        if isNaN { return "NaN" }
        if isInfinite { return self < 0 ? "-Infinity" : "Infinity" }
        return description
    }
}

/// Bytes bind as `bytea` in hex format: `\x` and two digits a byte.
extension Array: PostgresBindable where Element == UInt8 {
    public var postgresText: String {
        let digits = Array("0123456789abcdef".utf8)
        return String(unsafeUninitializedCapacity: 2 + 2 * count) { buffer in
            buffer[0] = UInt8(ascii: "\\")
            buffer[1] = UInt8(ascii: "x")
            for (index, byte) in self.enumerated() {
                buffer[2 + 2 * index] = digits[Int(byte >> 4)]
                buffer[3 + 2 * index] = digits[Int(byte & 15)]
            }
            return 2 + 2 * count
        }
    }
}
