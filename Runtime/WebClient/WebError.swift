import CCurl

/// Why there is no answer, or not a whole one.
///
/// `description` is safe to send by accident: host, kind and libcurl's name for the failure, but no path, query, user
/// or field. `debugDescription` adds libcurl's own sentence, for the log.
public struct WebError: Error, Equatable {
    public enum Kind: Sendable, Equatable {
        /// The deadline passed; the request may have been acted on.
        case timeout
        /// No connection: the name did not resolve, it was refused, or not made within `connectTimeout`. Nothing of the
        /// request was sent.
        case connect
        /// The server's TLS or certificate is not acceptable. Nothing of the request was sent.
        case tls
        /// The body is larger than `responseLimit`, or the head larger than `headerLimit`.
        case tooLarge
        /// The task was cancelled, or the client was shut down.
        case cancelled
        /// Anything else: a request that cannot be sent, a reset, a truncated or garbled answer.
        case other(Code)
    }

    public let kind: Kind

    /// libcurl's result, for every kind that came from libcurl.
    public let code: Code?

    /// `host` or `host:port` of the URL; nil when the URL has none.
    public let host: String?

    /// libcurl's sentence about this failure. It can name addresses and certificates, but not the path.
    let detail: String

    init(_ kind: Kind, code: Code? = nil, url: String, detail: String = "") {
        self.kind = kind
        if case .other(let other) = kind { self.code = code ?? other } else { self.code = code }
        self.host = Self.host(of: url)
        self.detail = detail
    }

    /// Sorts libcurl's result into a kind.
    /// - Parameter connected: whether a connection was ready for the request, so that bytes may have been sent.
    init(_ code: Code, connected: Bool, url: String, detail: String) {
        let kind: Kind =
            switch code {
            case .operationTimedOut: connected ? .timeout : .connect
            case .couldNotConnect, .couldNotResolveHost: .connect
            case _ where code.isTLS: .tls
            default: .other(code)
            }
        self.init(kind, code: code, url: url, detail: detail)
    }

    /// Parsed only when something failed: the authority without user and password, as libcurl understood it.
    private static func host(of url: String) -> String? {
        guard let parsed = curl_url() else { return nil }
        defer { curl_url_cleanup(parsed) }
        guard curl_url_set(parsed, CURLUPART_URL, url, UInt32(CURLU_PATH_AS_IS)) == CURLUE_OK else { return nil }
        func part(_ what: CURLUPart) -> String? {
            var text: UnsafeMutablePointer<CChar>?
            guard curl_url_get(parsed, what, &text, 0) == CURLUE_OK, let text else { return nil }
            defer { curl_free(text) }
            return String(cString: text)
        }
        guard let host = part(CURLUPART_HOST) else { return nil }
        return part(CURLUPART_PORT).map { "\(host):\($0)" } ?? host
    }
}

extension WebError: CustomStringConvertible, CustomDebugStringConvertible {
    public var description: String {
        let name = code.map { " (\($0))" } ?? ""
        return "no answer from \(host ?? "an unnamed host"): \(kind.name)\(name)"
    }

    public var debugDescription: String { detail.isEmpty ? description : "\(description): \(detail)" }
}

extension WebError.Kind {
    /// One word for logs and metrics.
    public var name: String {
        switch self {
        case .timeout: "timeout"
        case .connect: "connect"
        case .tls: "tls"
        case .tooLarge: "too large"
        case .cancelled: "cancelled"
        case .other: "other"
        }
    }
}
