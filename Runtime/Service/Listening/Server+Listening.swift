import FastCGI
import FunctionChannel
import Glibc
import HTTPHost
import NIOCore
import NIOPosix

extension Server {
    /// Opens every listener, or takes over what was handed on.
    ///
    /// - Throws: what the first that cannot be opened throws, with those before it closed again.
    func open() async throws -> [OpenSocket] {
        var sockets: [OpenSocket] = []
        do {
            for listener in configuration.listeners {
                if let socket = try await open(listener) { sockets.append(socket) }
            }
        } catch {
            close(sockets)
            throw error
        }
        return sockets
    }

    /// - Returns: nil for one that is new since the main process started, to its stand-in: it is for the main process.
    private func open(_ listener: Listener) async throws -> OpenSocket? {
        let handed = handover?.socket(for: listener.endpoint)
        if handed == nil, let handover, !handover.isSuccessor { return nil }
        switch listener.endpoint {
        case .tcp(let host, let port):
            if let handed { return OpenSocket(listener: listener, descriptor: handed.descriptor, file: nil) }
            let address = try await resolve(host, port)
            if listener.wireProtocol == .fastCGI, !address.isLoopback, configuration.webServerAddresses == nil,
                !configuration.allowsRemoteFastCGI
            {
                throw ServerError.openToOthers(host)
            }
            return OpenSocket(listener: listener, descriptor: try OpenSocket.tcp(address), file: nil)
        case .unix(let path, let mode, let owner):
            if let handed {
                // The stand-in leaves the file to the main process.
                let identity = handover?.isSuccessor == true ? handed.file : nil
                return OpenSocket(
                    listener: listener, descriptor: handed.descriptor,
                    file: identity.map { UnixSocketFile(path: path, identity: $0) })
            }
            let (descriptor, file) = try await NIOThreadPool.singleton.runIfActive {
                try UnixSocketFile.listen(path: path, mode: mode, owner: owner, backlog: OpenSocket.backlog)
            }
            return OpenSocket(listener: listener, descriptor: descriptor, file: file)
        case .inherited(let socket):
            guard InheritedSockets.isListening(socket.descriptor) else {
                throw ServerError.notListening(socket.descriptor)
            }
            return OpenSocket(listener: listener, descriptor: socket.descriptor, file: nil)
        }
    }

    /// Closes what could be opened when not everything could. What was handed on stays, for another attempt.
    func close(_ sockets: [OpenSocket]) {
        guard handover == nil else { return }
        for socket in sockets {
            socket.file?.remove()
            socket.close()
        }
    }

    /// Closes what was handed on and is not in the settings any more.
    func closeUnwanted(_ sockets: [OpenSocket]) {
        for handed in handover?.sockets ?? [] where !sockets.contains(where: { $0.descriptor == handed.descriptor }) {
            Glibc.close(handed.descriptor)
            if handover?.isSuccessor == true { handed.removeFile() }
        }
    }

    /// Asking for a name can take seconds, so it has a thread of its own.
    private func resolve(_ host: String, _ port: Int) async throws -> SocketAddress {
        if let address = try? SocketAddress(ipAddress: host, port: port) { return address }
        return try await NIOThreadPool.singleton.runIfActive {
            try SocketAddress.makeAddressResolvingHost(host, port: port)
        }
    }

    // MARK: Accepting

    /// A connection keeps the buffer that it last read into, so it begins with half of NIO's default, and gets more when a
    /// request does not fit.
    private static let firstRead = AdaptiveRecvByteBufferAllocator(minimum: 512, initial: 1_024, maximum: 65_536)

    /// Accepts connections on all of the sockets, which stay the caller's.
    ///
    /// - Returns: what stops that when it is closed, in the same order.
    func accept(on sockets: [OpenSocket], _ group: MultiThreadedEventLoopGroup) async throws -> [any Channel] {
        var channels: [any Channel] = []
        do {
            for socket in sockets {
                let wireProtocol = socket.listener.wireProtocol
                let bootstrap = ServerBootstrap(group: group)
                    .serverChannelOption(.backlog, value: OpenSocket.backlog)
                    .childChannelOption(.recvAllocator, value: Self.firstRead)
                    .childChannelOption(.allowRemoteHalfClosure, value: wireProtocol.allowsHalfClosing)
                    .childChannelInitializer { [self] channel in
                        isOfPeerUser(channel).flatMapThrowing { [self] isWelcome in
                            guard isWelcome else { return channel.close(promise: nil) }
                            try begin(channel, wireProtocol)
                        }
                    }
                let copy = fcntl(socket.descriptor, F_DUPFD_CLOEXEC, 3)
                guard copy >= 0 else {
                    throw ServerError.system(call: "dup", on: socket.listener.endpoint.key, errno: errno)
                }
                channels.append(try await bootstrap.withBoundSocket(copy).get())
            }
            return channels
        } catch {
            await stopAccepting(channels, group)
            throw error
        }
    }

    /// Every connection that was accepted before this returns is begun.
    func stopAccepting(_ channels: [any Channel], _ group: MultiThreadedEventLoopGroup) async {
        // One may be closed already; then there is nothing to stop.
        for channel in channels { try? await channel.setOption(.autoRead, value: false).get() }
        // A connection is begun on one loop and then reported to its listener's, which would close it if it were closed
        // by then.
        for _ in 0..<2 {
            for loop in group.makeIterator() { try? await loop.submit {}.get() }
        }
        for channel in channels { try? await channel.close() }
    }

    /// Goes on with a connection that another process accepted. Takes the descriptor over.
    func adopt(_ descriptor: CInt, _ wireProtocol: Listener.WireProtocol, _ group: MultiThreadedEventLoopGroup) {
        connections.expect()
        ClientBootstrap(group: group)
            .channelOption(.allowRemoteHalfClosure, value: wireProtocol.allowsHalfClosing)
            .channelInitializer { [self] channel in
                channel.eventLoop.makeCompletedFuture { try begin(channel, wireProtocol) }
            }
            .withConnectedSocket(descriptor)
            .whenComplete { [connections, logger] result in
                connections.stopExpecting()
                // Its peer has left meanwhile.
                if case .failure(let error) = result {
                    logger.debug("a connection was not taken over", metadata: ["cause": "\(error)"])
                }
            }
    }

    private func begin(_ channel: any Channel, _ wireProtocol: Listener.WireProtocol) throws {
        guard isWelcome(channel, wireProtocol), connections.add(channel, wireProtocol) else {
            return channel.close(promise: nil)
        }
        switch wireProtocol {
        case .http:
            try HTTPPipeline.add(to: channel, serving: serving)
        case .fastCGI:
            try FastCGIPipeline.add(to: channel, serving: serving)
        }
        if let event = connections.lastEvent { channel.pipeline.fireUserInboundEventTriggered(event) }
    }

    /// Whom the kernel noted as the peer of a Unix socket (unix(7), SO_PEERCRED).
    private func isOfPeerUser(_ channel: any Channel) -> EventLoopFuture<Bool> {
        guard let user = configuration.peerUser, let options = channel as? any SocketOptionProvider else {
            return channel.eventLoop.makeSucceededFuture(true)
        }
        let credentials: EventLoopFuture<PeerCredentials> = options.unsafeGetSocketOption(
            level: .socket, name: NIOBSDSocket.Option(rawValue: SO_PEERCRED))
        return credentials.map { $0.user == user || $0.user == 0 }
    }

    /// "If the check fails (including the possibility that the connection didn't use TCP/IP transport), the application
    /// responds by closing the connection" (FastCGI 1.0 §3.2).
    private func isWelcome(_ channel: any Channel, _ wireProtocol: Listener.WireProtocol) -> Bool {
        guard wireProtocol == .fastCGI, let allowed = configuration.webServerAddresses else { return true }
        guard let address = channel.remoteAddress?.ipAddress else { return false }
        let mapped = "::ffff:"
        return allowed.contains(address.hasPrefix(mapped) ? String(address.dropFirst(mapped.count)) : address)
    }
}

/// `struct ucred`, which Swift does not import.
private struct PeerCredentials {
    let process: Int32
    let user: UInt32
    let group: UInt32
}

extension Listener.WireProtocol {
    /// Whether a caller that says nothing more may still wait for an answer. A web server that closes its side of a
    /// FastCGI connection has left.
    fileprivate var allowsHalfClosing: Bool { self == .http }
}

extension BoundAddress {
    init(_ channel: any Channel, _ listener: Listener) {
        self.init(wireProtocol: listener.wireProtocol)
        host = channel.localAddress?.ipAddress
        port = channel.localAddress?.port
        path = channel.localAddress?.pathname
        if case .unix(let path, _, _) = listener.endpoint { self.path = path }
    }
}

extension SocketAddress {
    /// Whether only this machine can reach it: 127.0.0.0/8 or ::1.
    fileprivate var isLoopback: Bool {
        guard let text = ipAddress else { return true }
        return text == "::1" || text.hasPrefix("127.") || text.hasPrefix("::ffff:127.")
    }
}
