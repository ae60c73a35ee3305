import FoundationEssentials
import FunctionCore
import FunctionJSON
import JWTKit
import Problems

/// A project's public keys (JWKS, RFC 7517): read when first needed, again in the background when they are ten minutes
/// old, and again at most once a minute when a token names a key that is not among them.
public actor PublishedKeys {
    /// How long after a reading, good or failed, the next one may be.
    static let refetchInterval = Duration.seconds(60)
    /// Keys change: what was read is read again after this, while the old ones go on being used.
    static let lifetime = Duration.seconds(600)
    /// While the publisher cannot be reached, keys are good for no longer than this: one that was withdrawn must end.
    static let longestUse = Duration.seconds(86_400)
    /// Longest that a reading may take, whoever waits for it.
    static let patience = Duration.seconds(5)
    /// More keys than a project ever publishes.
    static let maximumKeys = 100

    private let fetch: @Sendable (ContinuousClock.Instant) async throws -> [UInt8]
    private let now: @Sendable () -> ContinuousClock.Instant
    private var keys = JWTKeyCollection()
    /// The one algorithm that each key may be used with, by key id.
    private var algorithms: [String: String] = [:]
    private var lastFetch: ContinuousClock.Instant?
    private var lastSuccess: ContinuousClock.Instant?
    private var lastFailure: (any Error)?
    private var fetching: Task<Void, Never>?

    /// - Parameters:
    ///   - now: what time it is.
    ///   - fetch: reads `/.well-known/jwks.json` before the given instant.
    public init(
        now: @escaping @Sendable () -> ContinuousClock.Instant = { .now },
        fetch: @escaping @Sendable (ContinuousClock.Instant) async throws -> [UInt8]
    ) {
        self.now = now
        self.fetch = fetch
    }

    /// - Returns: the keys, when one of them is called `kid` and is meant for `algorithm`.
    /// - Throws: ``Problem`` 503 `provider_unavailable` when it cannot be known whether `kid` is a key, because the
    ///   publisher could not be asked.
    func keys(for kid: String, algorithm: String) async throws -> JWTKeyCollection? {
        if algorithms[kid] == nil || isOlder(lastSuccess, than: Self.longestUse) {
            if fetching != nil || isOlder(lastFetch, than: Self.refetchInterval) { await refresh().value }
            if isOlder(lastSuccess, than: Self.longestUse) { algorithms = [:] }
            if algorithms[kid] == nil, let lastFailure { throw Problem(.providerUnavailable, cause: lastFailure) }
        } else if isOlder(lastSuccess, than: Self.lifetime), isOlder(lastFetch, than: Self.refetchInterval) {
            _ = refresh()
        }
        return algorithms[kid] == algorithm ? keys : nil
    }

    private func isOlder(_ moment: ContinuousClock.Instant?, than age: Duration) -> Bool {
        moment.map { $0 + age <= now() } ?? true
    }

    /// One reading at a time, however many callers wait for it.
    private func refresh() -> Task<Void, Never> {
        if let fetching { return fetching }
        let task = Task {
            do {
                try await read()
                lastSuccess = now()
                lastFailure = nil
            } catch {
                lastFailure = error
            }
            lastFetch = now()
            fetching = nil
        }
        fetching = task
        return task
    }

    /// A key that we cannot use is passed over, so that a new kind of key does not take the others with it.
    private func read() async throws {
        let bytes = try await fetch(.now + Self.patience)
        guard case .array(let published)? = try JSONValue(parsing: bytes)["keys"], published.count <= Self.maximumKeys
        else { throw Problem(.providerFailed, "The published keys are no list of keys.") }
        let fresh = JWTKeyCollection()
        var freshAlgorithms: [String: String] = [:]
        for value in published {
            guard let kid = value["kid"]?.text, freshAlgorithms[kid] == nil, let algorithm = Self.algorithm(of: value),
                let json = try? JSON.encode(value), let key = try? JSONDecoder().decode(JWK.self, from: Data(json)),
                (try? await fresh.add(jwk: key)) != nil
            else { continue }
            freshAlgorithms[kid] = algorithm
        }
        keys = fresh
        algorithms = freshAlgorithms
    }

    /// The algorithm that a key is for; nil for one that is not a public key that verifies signatures: a secret one has
    /// no place in a published set.
    private static func algorithm(of key: JSONValue) -> String? {
        guard key["use"]?.text ?? "sig" == "sig", key["d"] == nil else { return nil }
        return switch (key["kty"]?.text, key["crv"]?.text, key["alg"]?.text) {
        case ("EC", "P-256", nil), ("EC", "P-256", "ES256"): "ES256"
        case ("RSA", nil, nil), ("RSA", nil, "RS256"): "RS256"
        default: nil
        }
    }
}
