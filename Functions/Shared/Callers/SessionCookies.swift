import FoundationEssentials
import FunctionCore
import HTTPTypes

/// Reads the access token out of the cookies that Supabase's browser libraries write: `sb-<ref>-auth-token`, whole or in
/// chunks `.0`, `.1`, …, as JSON or as `base64-` and base64url of it; or the older `sb-access-token`.
public struct SessionCookies: Sendable {
    /// Longest session accepted, in characters over all chunks.
    static let maximumLength = 16_384
    static let maximumChunks = 8
    /// What the libraries pass over in base64url: padding and white space.
    private static let ignored = Array("= \t\r\n".utf8)

    private let name: String

    /// - Parameter supabaseURL: the project's URL, whose host's first label is in the cookie's name; nil on a server
    ///   that signs people in itself.
    public init(supabaseURL: String?) {
        let host = supabaseURL.flatMap { URL(string: $0)?.host() } ?? "localhost"
        name = "sb-\(host.split(separator: ".").first ?? "localhost")-auth-token"
    }

    /// - Returns: the token, unverified; nil when there is none or it cannot be read, which is the same as signed out.
    public func accessToken(in fields: RequestFields) -> String? {
        let cookies = Self.parse(fields)
        if let session = session(in: cookies) { return session }
        return cookies["sb-access-token"].flatMap { $0.isEmpty ? nil : $0 }
    }

    private func session(in cookies: [String: String]) -> String? {
        var text = cookies[name] ?? ""
        if text.isEmpty {
            for index in 0..<Self.maximumChunks {
                guard let chunk = cookies["\(name).\(index)"], !chunk.isEmpty else { break }
                text += chunk
            }
        }
        guard !text.isEmpty, text.utf8.count <= Self.maximumLength else { return nil }
        if text.hasPrefix("base64-") {
            let bare = text.dropFirst(7).utf8.filter { !Self.ignored.contains($0) }
            guard let data = Data(base64URL: bare), let decoded = String(data: data, encoding: .utf8) else { return nil }
            text = decoded
        }
        let data = Data(text.utf8)
        if let session = try? JSONDecoder().decode(Session.self, from: data) { return session.accessToken }
        return (try? JSONDecoder().decode([String?].self, from: data))?.first ?? nil
    }

    private struct Session: Decodable {
        let accessToken: String
        enum CodingKeys: String, CodingKey { case accessToken = "access_token" }
    }

    private static func parse(_ fields: RequestFields) -> [String: String] {
        var cookies: [String: String] = [:]
        for header in fields[values: .cookie] {
            for pair in header.split(separator: ";") {
                let parts = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
                guard parts.count == 2 else { continue }
                let name = String(parts[0].drop { $0 == " " })
                if cookies[name] == nil { cookies[name] = PercentEncoding.decode(parts[1], plusIsSpace: false) }
            }
        }
        return cookies
    }
}
