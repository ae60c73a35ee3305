import Crypto
import FunctionCore
import HTTPTypes

/// A request's `Idempotency-Key`, and what the request says: the same key and the same words are the same request, and
/// have effect once.
///
/// A key is 1 to 255 visible ASCII characters, quotes being part of it. It is the agent's or the user's who sends it, and
/// is kept for ``lifetime``. What is no key is refused everywhere; functions that have no use for one ignore it.
public struct IdempotencyKey: Sendable, Hashable {
    /// How long an answer is kept (sql/migrations/0015_idempotency.sql says the same).
    public static let lifetime = Duration.seconds(86_400)

    /// SHA-256 of the key, 32 bytes.
    public let hash: [UInt8]
    /// SHA-256 of function, workspace and body, 32 bytes.
    public let fingerprint: [UInt8]

    /// - Returns: nil when the request has no key.
    /// - Throws: ``Problem`` 422 `validation_failed` for one that is none.
    init?(of request: Request, function: FunctionName?) throws(Problem) {
        let values = request.fields[values: .idempotencyKey]
        guard let text = values.first else { return nil }
        guard values.count == 1, (1...255).contains(text.utf8.count),
            text.utf8.allSatisfy({ (0x21...0x7E).contains($0) })
        else {
            throw .invalid([
                .init(field: HTTPField.Name.idempotencyKey.rawName, "must be 1 to 255 visible ASCII characters, once")
            ])
        }
        hash = Array(SHA256.hash(data: Array(text.utf8)))
        // Neither of the first two contains a line feed.
        let words = "\(function?.rawValue ?? "")\n\(request.fields[.workspaceID] ?? "")\n"
        fingerprint = Array(SHA256.hash(data: Array(words.utf8) + request.body))
    }
}

extension HTTPField.Name {
    public static let idempotencyKey = HTTPField.Name("Idempotency-Key")!
    /// `true` on an answer that had been given before.
    public static let idempotentReplayed = HTTPField.Name("Idempotent-Replayed")!
}

extension HTTPFields {
    /// What an answer carries that had been given before.
    public static let replayed: HTTPFields = [.idempotentReplayed: "true"]
}
