import FunctionCore
import HTTPTypes
import PostgresClient

/// How many requests a minute one key, person or address may make, all at once if need be. The first SQL function of a
/// request counts (sql/README.md, "Rate limits"), so a limit is the same over all processes and costs no round trip.
public struct RateLimit: Sendable {
    /// What is counted, as the caller reads it in `RateLimit-Policy`: lower-case letters and hyphens.
    public let name: String
    /// 0 is no limit.
    public let perMinute: Int

    public init(_ name: String, perMinute: Int) {
        self.name = name
        self.perMinute = perMinute
    }

    public static let none = RateLimit("none", perMinute: 0)

    /// The 429 for a row whose outcome is `rate_limited`: its `retry_after` in seconds as `Retry-After`, and the policy
    /// and what is left of it, which is nothing, as in draft-ietf-httpapi-ratelimit-headers-10 §3 and §4.
    public func exceeded(_ row: Row) throws -> Problem {
        let seconds = try row.decode("retry_after", as: Int.self)
        return Problem(
            .rateLimited, "Try again in \(seconds) s.",
            fields: [
                .retryAfter: "\(seconds)", .rateLimitPolicy: #""\#(name)";q=\#(perMinute);w=60"#,
                .rateLimit: #""\#(name)";r=0;t=\#(seconds)"#,
            ])
    }
}

extension HTTPField.Name {
    public static let rateLimit = HTTPField.Name("RateLimit")!
    public static let rateLimitPolicy = HTTPField.Name("RateLimit-Policy")!
}
