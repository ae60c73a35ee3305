import Crypto
import FoundationEssentials
import FunctionCore

/// Signs the URLs of recordings, so that only who was given one can fetch it, and only for a while.
///
/// The signature is HMAC-SHA256 over `id|expires`, in hexadecimal. It is checked before anybody looks whether the
/// recording exists, so that a URL without one learns nothing.
public struct AudioSigner: Sendable {
    /// Shortest key taken, in bytes.
    public static let minimumKeyLength = 32

    /// The first signs, all verify. Never empty.
    private let keys: [SymmetricKey]

    /// - Parameter setting: one key, or several separated by commas: a new key goes first, the old one stays behind it
    ///   until what it signed has expired.
    /// - Returns: nil unless each is at least ``minimumKeyLength`` bytes long.
    public init?(keys setting: String) {
        let texts = setting.split(separator: ",", omittingEmptySubsequences: false)
        guard texts.allSatisfy({ $0.utf8.count >= Self.minimumKeyLength }) else { return nil }
        keys = texts.map { SymmetricKey(data: Array($0.utf8)) }
    }

    /// A path that fetches `id` for `lifetime` from now.
    public func link(to id: AudioID, lifetime: Duration, now: Int = AudioSigner.now()) -> AudioLink {
        link(to: id, expires: now + Int(lifetime.components.seconds))
    }

    /// A path that fetches `id` until `expires`, in seconds since 1970.
    public func link(to id: AudioID, expires: Int) -> AudioLink {
        let code = HMAC<SHA256>.authenticationCode(for: Self.signed(id, "\(expires)"), using: keys[0])
        return AudioLink(
            path: "/audio/\(id).mp3?expires=\(expires)&signature=\(Array(code).hex)", expires: expires)
    }

    /// Whether `expires` and `signature`, as a URL's query has them, allow fetching `id` now. Compares in constant time.
    public func verifies(_ id: AudioID, expires: String?, signature: String?, now: Int = AudioSigner.now()) -> Bool {
        guard let expires, let signature, let time = Int(strictDecimal: expires) else { return false }
        let given = Array(signature.utf8)
        // Hexadecimal is compared as text: then there is one spelling of a signature, and no decoder in between.
        let matches = keys.map { key in
            let code = HMAC<SHA256>.authenticationCode(for: Self.signed(id, expires), using: key)
            return given.equalsInConstantTime(Array(Array(code).hex.utf8))
        }
        return matches.contains(true) && time > now
    }

    /// Seconds since 1970.
    public static func now() -> Int { Int(Date().timeIntervalSince1970) }

    private static func signed(_ id: AudioID, _ expires: String) -> [UInt8] { Array("\(id)|\(expires)".utf8) }
}

/// A signed path to a recording.
public struct AudioLink: Sendable, Hashable {
    /// `/audio/{id}.mp3?expires=…&signature=…`, to be put behind PUBLIC_URL.
    public let path: String
    /// Seconds since 1970 from which it no longer works.
    public let expires: Int
}

extension [UInt8] {
    /// Takes as long for a difference in the first byte as for one in the last. The length is no secret.
    func equalsInConstantTime(_ other: [UInt8]) -> Bool {
        guard count == other.count else { return false }
        return zip(self, other).reduce(0) { $0 | ($1.0 ^ $1.1) } == 0
    }
}
