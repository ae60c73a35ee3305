import FunctionChannel
import FunctionCore
import NIOCore

extension Server {
    public struct Configuration: Sendable {
        public var listeners: [Listener]
        /// Event loops, a thread each. Cores are those that the process may use: its affinity and its cgroup's quota.
        public var loops = min(System.coreCount, 4)
        public var limits = ServingLimits()
        /// Where a line for each request goes, opened again by SIGUSR1; nil for nowhere. Stays its owner's to close.
        public var accessLog: AccessLog?
        /// Connections at once; one more is closed as it comes.
        public var connections = 4_096
        /// After the first signal: how long to serve on, so that who asks whether we are ready can send callers elsewhere.
        public var drainDelay = Duration.zero
        /// Set when the server is told to stop.
        public var draining = Draining()
        /// After that: how long requests may take to end by themselves.
        public var drainTime = Duration.seconds(20)
        /// And after that: how long their tasks may take to end once cancelled.
        public var cancelTime = Duration.seconds(5)
        /// Whether SIGTERM, SIGINT and SIGQUIT stop the server, and SIGHUP and SIGUSR2 reload it.
        public var handlesSignals = true
        /// The reading end of a pipe whose other end only the supervisor holds: the server stops when that is closed.
        public var parentPipe: CInt?
        /// What a reload starts; nil for none.
        public var program: Program?
        /// What the process was handed by the program before it, if it was started by a reload.
        public var handover: Handover?
        /// How long a stand-in may take until it is ready.
        public var startTime = Duration.seconds(30)
        /// At a reload: how long requests may take to end by themselves while another process serves. Longer than any
        /// request's deadline and overrun.
        public var handoverTime = Duration.seconds(60)
        /// The service manager to keep informed; nil for none.
        public var notifier: ServiceNotifier?
        /// Proxies whose `X-Forwarded-For` is believed.
        public var trustedProxies = TrustedProxies.none
        /// What the web server puts before our paths, without a trailing slash.
        public var basePath = ""
        /// Peers that may speak FastCGI over TCP, as FCGI_WEB_SERVER_ADDRS lists them (FastCGI 1.0 §3.2); nil for all.
        public var webServerAddresses: Set<String>? = Configuration.webServerAddressesFromEnvironment()
        /// The only user, besides root, whose processes may connect over a Unix socket; nil for all that its mode lets.
        public var peerUser: UInt32?
        /// Whether FastCGI may listen where other machines reach it without a list of peers.
        public var allowsRemoteFastCGI = false

        public init(listeners: [Listener]) { self.listeners = listeners }

        /// FCGI_WEB_SERVER_ADDRS of this process: addresses separated by commas.
        public static func webServerAddressesFromEnvironment() -> Set<String>? {
            InheritedSockets.environment("FCGI_WEB_SERVER_ADDRS").map { text in
                Set(text.split(separator: ",").map { String($0.filter { $0 != " " }) })
            }
        }
    }
}
