/// A value that can be read from a column's text form.
public protocol PostgresDecodable {
    /// Nil when the text is not such a value.
    init?(postgresText: String)
}

extension PostgresDecodable where Self: LosslessStringConvertible {
    public init?(postgresText: String) {
        self.init(postgresText)
    }
}

extension PostgresDecodable where Self: RawRepresentable, RawValue: PostgresDecodable {
    public init?(postgresText: String) {
        guard let raw = RawValue(postgresText: postgresText) else { return nil }
        self.init(rawValue: raw)
    }
}

extension String: PostgresDecodable {
    public init?(postgresText: String) {
        self = postgresText
    }
}

extension Int: PostgresDecodable {}
extension Int32: PostgresDecodable {}
extension Int64: PostgresDecodable {}
extension Double: PostgresDecodable {}

/// Postgres writes booleans as `t` and `f`.
extension Bool: PostgresDecodable {
    public init?(postgresText: String) {
        switch postgresText {
        case "t": self = true
        case "f": self = false
        default: return nil
        }
    }
}

/// Reads `bytea` in hex format, which is what every server since 9.0 writes unless `bytea_output` says otherwise.
extension Array: PostgresDecodable where Element == UInt8 {
    public init?(postgresText: String) {
        let text = postgresText.utf8
        guard text.starts(with: "\\x".utf8), text.count % 2 == 0 else { return nil }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(text.count / 2 - 1)
        var high: UInt8?
        for character in text.dropFirst(2) {
            guard let digit = Character(Unicode.Scalar(character)).hexDigitValue.map(UInt8.init) else { return nil }
            if let first = high {
                bytes.append(first << 4 | digit)
                high = nil
            } else {
                high = digit
            }
        }
        self = bytes
    }
}
