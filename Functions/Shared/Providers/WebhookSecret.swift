import Crypto
import FoundationEssentials
import FunctionCore
import HTTPTypes

/// The "secret hash" that Flutterwave's dashboard and we both know, which shows that a webhook comes from there.
///
/// Flutterwave has two schemes (developer.flutterwave.com/docs/integration-guides/webhooks):
/// - `verif-hash` is the secret itself. It says nothing of the body.
/// - `flutterwave-signature` is base64 of HMAC-SHA256 over the body's bytes, keyed by the secret.
///
/// Each field that is there must be right, and one must be there.
public struct WebhookSecret: Sendable, CustomStringConvertible, CustomDebugStringConvertible {
    private let text: [UInt8]

    /// - Returns: nil for an empty text, which anybody could guess.
    public init?(_ text: String) {
        guard !text.isEmpty else { return nil }
        self.text = Array(text.utf8)
    }

    public var description: String { "<redacted>" }
    public var debugDescription: String { "<redacted>" }

    /// - Parameter body: the bytes as they came, before any parsing.
    public func verifies(_ fields: RequestFields, body: [UInt8]) -> Bool {
        let results = [fields[.verifHash].map(isSecret), fields[.flutterwaveSignature].map { signs($0, body) }]
        return results.contains(true) && !results.contains(false)
    }

    /// Compares codes of both under a key of this moment: their lengths are equal and their bytes tell nothing, so the
    /// time this takes says nothing of the secret.
    private func isSecret(_ given: String) -> Bool {
        let key = SymmetricKey(size: .bits256)
        let expected = HMAC<SHA256>.authenticationCode(for: text, using: key)
        return HMAC<SHA256>.isValidAuthenticationCode(expected, authenticating: Array(given.utf8), using: key)
    }

    private func signs(_ given: String, _ body: [UInt8]) -> Bool {
        guard let code = Data(base64Encoded: given) else { return false }
        return HMAC<SHA256>.isValidAuthenticationCode(code, authenticating: body, using: SymmetricKey(data: text))
    }
}

extension HTTPField.Name {
    static let verifHash = Self("verif-hash")!
    static let flutterwaveSignature = Self("flutterwave-signature")!
}
