import CCurl

extension WebError {
    /// libcurl's CURLcode, which libcurl's authors own and extend: <https://curl.se/libcurl/c/libcurl-errors.html>.
    public struct Code: RawRepresentable, Hashable, Sendable {
        public let rawValue: UInt32
        public init(rawValue: UInt32) { self.rawValue = rawValue }

        init(_ code: CURLcode) { rawValue = code.rawValue }

        /// The URL is neither http nor https, or the answer is not HTTP.
        public static let unsupportedProtocol = Self(CURLE_UNSUPPORTED_PROTOCOL)
        public static let failedInit = Self(CURLE_FAILED_INIT)
        public static let malformedURL = Self(CURLE_URL_MALFORMAT)
        public static let couldNotResolveHost = Self(CURLE_COULDNT_RESOLVE_HOST)
        public static let couldNotConnect = Self(CURLE_COULDNT_CONNECT)
        /// An answer that HTTP does not allow.
        public static let weirdServerReply = Self(CURLE_WEIRD_SERVER_REPLY)
        /// The connection ended before the declared end of the body.
        public static let partialFile = Self(CURLE_PARTIAL_FILE)
        public static let operationTimedOut = Self(CURLE_OPERATION_TIMEDOUT)
        /// The request has a field or method that may not be sent.
        public static let badFunctionArgument = Self(CURLE_BAD_FUNCTION_ARGUMENT)
        /// The connection ended before any answer.
        public static let gotNothing = Self(CURLE_GOT_NOTHING)
        public static let sendError = Self(CURLE_SEND_ERROR)
        public static let receiveError = Self(CURLE_RECV_ERROR)
        /// `maximumTransfers` are under way already.
        public static let noConnectionAvailable = Self(CURLE_NO_CONNECTION_AVAILABLE)

        /// Everything that says the peer's TLS or certificate is not acceptable, or that our trust store is not.
        var isTLS: Bool { Self.tlsCodes.contains(self) }

        private static let tlsCodes: Set<Self> = [
            Self(CURLE_SSL_CONNECT_ERROR), Self(CURLE_SSL_ENGINE_NOTFOUND), Self(CURLE_SSL_ENGINE_SETFAILED),
            Self(CURLE_SSL_CERTPROBLEM), Self(CURLE_SSL_CIPHER), Self(CURLE_PEER_FAILED_VERIFICATION),
            Self(CURLE_USE_SSL_FAILED), Self(CURLE_SSL_ENGINE_INITFAILED), Self(CURLE_SSL_CACERT_BADFILE),
            Self(CURLE_SSL_SHUTDOWN_FAILED), Self(CURLE_SSL_CRL_BADFILE), Self(CURLE_SSL_ISSUER_ERROR),
            Self(CURLE_SSL_PINNEDPUBKEYNOTMATCH), Self(CURLE_SSL_INVALIDCERTSTATUS), Self(CURLE_SSL_CLIENTCERT),
        ]
    }
}

extension WebError.Code: CustomStringConvertible {
    /// The name in `curl/curl.h`, so that it can be searched for; `CURLcode 61` for one that is rare here.
    public var description: String { Self.names[self] ?? "CURLcode \(rawValue)" }

    private static let names: [Self: String] = [
        .unsupportedProtocol: "CURLE_UNSUPPORTED_PROTOCOL",
        .failedInit: "CURLE_FAILED_INIT",
        .malformedURL: "CURLE_URL_MALFORMAT",
        .couldNotResolveHost: "CURLE_COULDNT_RESOLVE_HOST",
        .couldNotConnect: "CURLE_COULDNT_CONNECT",
        .weirdServerReply: "CURLE_WEIRD_SERVER_REPLY",
        .partialFile: "CURLE_PARTIAL_FILE",
        .operationTimedOut: "CURLE_OPERATION_TIMEDOUT",
        .badFunctionArgument: "CURLE_BAD_FUNCTION_ARGUMENT",
        .gotNothing: "CURLE_GOT_NOTHING",
        .sendError: "CURLE_SEND_ERROR",
        .receiveError: "CURLE_RECV_ERROR",
        .noConnectionAvailable: "CURLE_NO_CONNECTION_AVAILABLE",
        Self(CURLE_HTTP2): "CURLE_HTTP2",
        Self(CURLE_HTTP2_STREAM): "CURLE_HTTP2_STREAM",
        Self(CURLE_OUT_OF_MEMORY): "CURLE_OUT_OF_MEMORY",
        Self(CURLE_WRITE_ERROR): "CURLE_WRITE_ERROR",
        Self(CURLE_SSL_CONNECT_ERROR): "CURLE_SSL_CONNECT_ERROR",
        Self(CURLE_SSL_CERTPROBLEM): "CURLE_SSL_CERTPROBLEM",
        Self(CURLE_SSL_CACERT_BADFILE): "CURLE_SSL_CACERT_BADFILE",
        Self(CURLE_PEER_FAILED_VERIFICATION): "CURLE_PEER_FAILED_VERIFICATION",
    ]
}
