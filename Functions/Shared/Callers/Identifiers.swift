import Crypto
import FoundationEssentials
import FunctionCore
import FunctionJSON

/// An agent's id: a UUID, in lower case.
public struct AgentID: Validated, CustomStringConvertible {
    public let rawValue: String
    public init(_ accepted: Accepted<String>) { rawValue = accepted.value }

    public static func check(_ raw: String) throws(Problem.Violation) -> String { try raw.checkedUUID() }

    public var description: String { rawValue }
}

/// The id of an agent's key, by which it is revoked: a UUID, in lower case.
public struct KeyID: Validated {
    public let rawValue: String
    public init(_ accepted: Accepted<String>) { rawValue = accepted.value }

    public static func check(_ raw: String) throws(Problem.Violation) -> String { try raw.checkedUUID() }
}

extension String {
    fileprivate func checkedUUID() throws(Problem.Violation) -> String {
        guard let uuid = UUID(uuidString: self) else { throw Problem.Violation("must be a UUID") }
        return uuid.uuidString.lowercased()
    }
}

/// The secret that lets anyone speak with one agent: `agt_` and 32 hexadecimal digits, shown once, at creation. Only its
/// hash is stored.
public struct AgentKey: Sendable, Encodable {
    private let text: String

    /// A new key of 128 random bits.
    public static func random() -> AgentKey { AgentKey(text: "agt_" + [UInt8].random(count: 16).hex) }

    private init(text: String) { self.text = text }

    /// - Returns: nil unless `text` has a key's form.
    public init?(_ text: String) {
        let digits = text.utf8.dropFirst(4)
        guard text.hasPrefix("agt_"), digits.count == 32,
            digits.allSatisfy({ (48...57).contains($0) || (97...102).contains($0) })
        else { return nil }
        self.text = text
    }

    /// SHA-256, 32 bytes. The key is random and long, so a fast hash without salt gives nothing away.
    public var hash: [UInt8] { Array(SHA256.hash(data: Array(text.utf8))) }

    /// The last four characters, by which an owner can tell keys apart.
    public var hint: String { String(text.suffix(4)) }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(text)
    }
}

extension AgentKey: CustomStringConvertible, CustomDebugStringConvertible {
    public var description: String { "<redacted>" }
    public var debugDescription: String { "<redacted>" }
}
