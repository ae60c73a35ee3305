import Crypto
import FoundationEssentials
import FunctionCore

/// The secret by which a session is continued: 256 random bits as base64url. Good for one use; only its hash is stored.
struct RefreshToken: Sendable {
    let text: String

    /// Longest text looked at, in bytes.
    static let maximumLength = 512

    static func random() -> RefreshToken {
        let base64 = Data([UInt8].random(count: 32)).base64EncodedString()
        return RefreshToken(
            text: base64.replacing("+", with: "-").replacing("/", with: "_").replacing("=", with: ""))
    }

    /// SHA-256, 32 bytes.
    var hash: [UInt8] { Array(SHA256.hash(data: Array(text.utf8))) }
}
