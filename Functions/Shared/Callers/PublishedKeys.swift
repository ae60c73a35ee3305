import FoundationEssentials
import FunctionCore
import JWTKit
import Problems

/// A project's public keys (JWKS, RFC 7517), read when first needed and again, at most once a minute, when a token names
/// a key that is not among them.
public actor PublishedKeys {
    /// How long after a reading the next one may be, and how long a failed one is not tried again.
    static let refetchInterval = Duration.seconds(60)
    /// Keys change: what was read is read again after this.
    static let lifetime = Duration.seconds(600)

    private let fetch: @Sendable (ContinuousClock.Instant) async throws -> [UInt8]
    private var keys = JWTKeyCollection()
    /// The one algorithm that each key may be used with, by key id.
    private var algorithms: [String: String] = [:]
    private var lastFetch: ContinuousClock.Instant?
    private var lastFailure: (any Error)?
    private var fetching: Task<Void, Never>?

    /// - Parameter fetch: reads `/.well-known/jwks.json` before the given instant.
    public init(fetch: @escaping @Sendable (ContinuousClock.Instant) async throws -> [UInt8]) {
        self.fetch = fetch
    }

    /// - Returns: the keys, when one of them is called `kid` and is meant for `algorithm`.
    /// - Throws: ``Problem`` 503 `provider_unavailable` when the keys could not be read and there are none yet.
    func keys(for kid: String, algorithm: String, deadline: ContinuousClock.Instant) async throws -> JWTKeyCollection? {
        if algorithms[kid] == nil || isOlder(than: Self.lifetime) {
            if isOlder(than: Self.refetchInterval) { await refresh(before: deadline) }
            // The keys we have stay good while the publisher cannot be reached.
            if let lastFailure, algorithms.isEmpty { throw Problem(.providerUnavailable, cause: lastFailure) }
        }
        return algorithms[kid] == algorithm ? keys : nil
    }

    private func isOlder(than age: Duration) -> Bool {
        lastFetch.map { $0 + age <= .now } ?? true
    }

    /// One reading at a time, however many callers wait for it.
    private func refresh(before deadline: ContinuousClock.Instant) async {
        if let fetching { return await fetching.value }
        let task = Task {
            do {
                try await read(before: deadline)
                lastFailure = nil
            } catch {
                lastFailure = error
            }
        }
        fetching = task
        await task.value
        lastFetch = .now
        fetching = nil
    }

    private func read(before deadline: ContinuousClock.Instant) async throws {
        let published = try JSONDecoder().decode(JWKS.self, from: Data(try await fetch(deadline)))
        let fresh = JWTKeyCollection()
        var freshAlgorithms: [String: String] = [:]
        for key in published.keys {
            guard let kid = key.keyIdentifier?.string, let algorithm = Self.algorithm(of: key) else { continue }
            try await fresh.add(jwk: key)
            freshAlgorithms[kid] = algorithm
        }
        keys = fresh
        algorithms = freshAlgorithms
    }

    /// Only public signing keys: a secret one has no place in a published set.
    private static func algorithm(of key: JWK) -> String? {
        switch (key.keyType, key.algorithm) {
        case (.ecdsa, nil), (.ecdsa, .es256): "ES256"
        case (.rsa, nil), (.rsa, .rs256): "RS256"
        default: nil
        }
    }
}
