import Callers
import FunctionCore
import HTTPTypes
import Problems
import WebClient

/// How callers are told apart: by a Supabase project's tokens, or by our own.
struct IdentitySettings: Sendable {
    private let supabaseURL: String?
    private let secret: String?
    private let leeway: Int

    init(from reader: inout SettingsReader) {
        supabaseURL = reader.optionalURL(.supabaseURL)
        // A Supabase project may have only published keys; without a project the secret is all there is.
        if supabaseURL == nil || reader.optional(.jwtSecret) != nil {
            secret = reader.secret(.jwtSecret, minimum: 32)
        } else {
            secret = nil
        }
        leeway = reader.integer(.jwtLeeway, in: 0...300)
    }

    func authenticator(_ services: Services) async -> CallerAuthenticator {
        let verifier = await TokenVerifier(
            .init(
                secret: secret, issuer: supabaseURL.map { $0 + "/auth/v1" } ?? services.issuer,
                leeway: Double(leeway)),
            publishedKeys: supabaseURL.map { Self.publishedKeys(of: $0, services.web) })
        let origins = [services.server.publicURL, services.server.appURL].compactMap { $0?.origin }
        return CallerAuthenticator(
            verifier: verifier, cookies: SessionCookies(supabaseURL: supabaseURL), trustedOrigins: Set(origins))
    }

    private static func publishedKeys(of project: String, _ web: WebClient) -> PublishedKeys {
        PublishedKeys { deadline in
            let request = WebRequest(
                method: .get, url: project + "/auth/v1/.well-known/jwks.json",
                deadline: min(deadline, .now + .seconds(5)), responseLimit: 65_536)
            let response = try await web.send(request)
            guard response.status == .ok else { throw Problem(.providerUnavailable) }
            return response.body
        }
    }
}
