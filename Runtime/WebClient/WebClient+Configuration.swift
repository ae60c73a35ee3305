extension WebClient {
    /// Limits and trust of one client. What belongs to one request (deadline, response limit) is on ``WebRequest``.
    public struct Configuration: Sendable {
        /// The longest that name lookup, TCP and TLS may take together, within the deadline.
        public var connectTimeout: Duration = .seconds(5)

        /// Transfers under way at once; one more fails with `CURLE_NO_CONNECTION_AVAILABLE` instead of waiting.
        public var maximumTransfers = 1_024

        /// Transfers that share connections, and connections that they keep, over all hosts, those in use included. What
        /// a transfer costs grows with it, and so does the chance to find a connection that is open already.
        public var transfersPerHandle = 256

        /// Bytes of status lines, fields and trailers taken per response, 1xx responses included.
        public var headerLimit = 65_536

        /// Bytes of a streamed body held for a slow consumer before the transfer is paused. One read more than this
        /// (8 KiB) can be held.
        public var streamBuffer = 65_536

        /// Sent as `User-Agent` unless the request has its own.
        public var userAgent = "CallWaiting"

        /// A PEM file of the certificate authorities to trust in place of the system's; nil for the system's.
        public var certificateAuthorityFile: String?

        public init() {}
    }
}
