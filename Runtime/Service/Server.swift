import FunctionChannel
import FunctionCore
import HTTPHost
import Logging
import NIOCore
import NIOPosix

/// Serves a responder on one or more sockets until it is told to stop, and then ends in good order.
public final class Server: Sendable {
    public struct Configuration: Sendable {
        public var listeners: [Listener]
        /// Event loops, a thread each.
        public var loops = min(System.coreCount, 4)
        public var limits = ServingLimits()
        /// Connections at once; one more is closed as it comes.
        public var connections = 4_096
        /// After the first signal: how long requests may take to end by themselves.
        public var drainTime = Duration.seconds(20)
        /// After that: how long their tasks may take to end once cancelled.
        public var cancelTime = Duration.seconds(5)
        /// Whether SIGTERM, SIGINT and SIGQUIT stop the server.
        public var handlesSignals = true
        /// The reading end of a pipe whose other end only the supervisor holds: the server stops when that is closed.
        public var parentPipe: CInt?
        /// Proxies whose `X-Forwarded-For` is believed, over HTTP.
        public var trustedProxies = TrustedProxies.none
        /// What the web server puts before our paths, over FastCGI; without a trailing slash.
        public var basePath = ""
        /// Peers that may speak FastCGI over TCP, as FCGI_WEB_SERVER_ADDRS lists them (FastCGI 1.0 §3.2); nil for all.
        public var webServerAddresses: Set<String>? = Configuration.webServerAddressesFromEnvironment()
        /// Whether FastCGI may listen on all addresses without a list of peers.
        public var allowsFastCGIOnAllAddresses = false

        public init(listeners: [Listener]) { self.listeners = listeners }

        /// FCGI_WEB_SERVER_ADDRS of this process: addresses separated by commas.
        public static func webServerAddressesFromEnvironment() -> Set<String>? {
            InheritedSockets.environment("FCGI_WEB_SERVER_ADDRS").map { text in
                Set(text.split(separator: ",").map { String($0.filter { $0 != " " }) })
            }
        }
    }

    let configuration: Configuration
    let serving: Serving
    let connections: Connections
    let stopSwitch = StopSwitch()
    let logger: Logger

    public init(responder: any Responder, configuration: Configuration, logger: Logger) {
        self.configuration = configuration
        self.logger = logger
        serving = Serving(responder, limits: configuration.limits)
        connections = Connections(limit: configuration.connections)
    }

    /// Requests whose tasks are running.
    public var requests: Int { serving.gate.count }

    /// Connections that are open.
    public var openConnections: Int { connections.count }

    /// Asks the server to stop, as SIGTERM does; a second time, to stop at once. Does not wait.
    public func triggerStop() { stopSwitch.press() }

    /// Serves until it is stopped by a signal, by ``triggerStop()``, by the parent's end or by cancelling the task.
    ///
    /// - Parameter onReady: called once all sockets accept connections, with their addresses in the listeners' order.
    /// - Throws: ``ServerError``, or NIO's error, when a socket cannot be had; nothing is left open then.
    public func run(onReady: @Sendable ([BoundAddress]) -> Void = { _ in }) async throws {
        let group = MultiThreadedEventLoopGroup(numberOfThreads: max(1, configuration.loops))
        var sockets: [ListeningSocket] = []
        do {
            sockets = try await listen(on: group)
            let signals = try configuration.handlesSignals ? Signals() : nil
            defer { signals?.restore() }
            if let signals { try await press(stopSwitch, onBytesFrom: signals.descriptor, group) }
            if let pipe = configuration.parentPipe { try await press(stopSwitch, atEndOf: pipe, group) }
            onReady(sockets.map(\.address))
            await stopSwitch.wait(presses: 1)
            // In a task of its own: to cancel `run` is to ask for an orderly end, not for none.
            let hasEnded = await Task { [sockets] in await drain(sockets) }.value
            // A loop that stops drops what its tasks still enqueue, so with tasks left it goes on until the process
            // ends.
            if hasEnded { try await group.shutdownGracefully() }
        } catch {
            for socket in sockets { await socket.close() }
            // The first error is the one to tell.
            try? await group.shutdownGracefully()
            throw error
        }
    }

    /// - Returns: whether every request's task has ended.
    private func drain(_ sockets: [ListeningSocket]) async -> Bool {
        logger.info("stopping", metadata: ["requests": "\(serving.gate.count)"])
        // Said before the sockets close, so that whoever finds them closed is told by each answer as well.
        connections.fire(.drain)
        for socket in sockets { await socket.close() }
        let (connections, gate, stopSwitch) = (connections, serving.gate, stopSwitch)
        let ended: @Sendable () async -> Void = {
            await connections.whenEmpty()
            await gate.whenEmpty()
        }
        if await first(within: configuration.drainTime, [ended, { await stopSwitch.wait(presses: 2) }]) != 0 {
            logger.warning("cancelling requests", metadata: ["requests": "\(gate.count)"])
            connections.fire(.cancel)
            _ = await first(within: configuration.cancelTime, [ended])
            connections.closeAll()
            _ = await first(within: configuration.cancelTime, [ended])
        }
        let left = gate.count
        if left > 0 { logger.error("requests did not end", metadata: ["requests": "\(left)"]) }
        return left == 0
    }

    /// - Returns: which of `works` ended first, by index; nil when none did in time. The others are cancelled.
    private func first(within time: Duration, _ works: [@Sendable () async -> Void]) async -> Int? {
        await withTaskGroup(of: Int?.self) { group in
            for (index, work) in works.enumerated() {
                group.addTask {
                    await work()
                    return index
                }
            }
            group.addTask {
                // Thrown only when another was first.
                try? await Task.sleep(for: time)
                return nil
            }
            defer { group.cancelAll() }
            return await group.next() ?? nil
        }
    }
}
