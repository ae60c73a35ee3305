import FunctionCore
import FunctionJSON

/// Our own name for one attempt to pay, `tx_ref` at Flutterwave: unique, never used twice, and not to be guessed.
public struct TransactionReference: Validated, CustomStringConvertible {
    public let rawValue: String

    public init(_ accepted: Accepted<String>) { rawValue = accepted.value }

    private init(rawValue: String) { self.rawValue = rawValue }

    /// A new one: `cw-` and 128 random bits in hexadecimal.
    public static func random() -> TransactionReference {
        TransactionReference(rawValue: "cw-" + [UInt8].random(count: 16).hex)
    }

    /// Longest reference taken, in characters.
    public static let maximumLength = 64

    public static func check(_ raw: String) throws(Problem.Violation) -> String {
        guard (1...maximumLength).contains(raw.utf8.count), raw.utf8.allSatisfy(isAllowed) else {
            throw Problem.Violation("must be 1 to \(maximumLength) letters, digits, hyphens or underscores")
        }
        return raw
    }

    private static func isAllowed(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"):
            true
        default: false
        }
    }

    public var description: String { rawValue }
}
