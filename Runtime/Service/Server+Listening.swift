import FastCGI
import FunctionChannel
import HTTPHost
import NIOCore
import NIOPosix

/// A socket that a server accepts connections on.
struct ListeningSocket: Sendable {
    let channel: any Channel
    let address: BoundAddress
    /// The socket's file, where we made it.
    let file: UnixSocketFile?

    /// Accepts no more.
    func close() async {
        file?.remove()
        // It may be closed already; then there is nothing to wait for.
        try? await channel.close()
    }
}

extension Server {
    /// Opens every listener.
    ///
    /// - Throws: what the first that cannot be opened throws, with those before it closed again.
    func listen(on group: MultiThreadedEventLoopGroup) async throws -> [ListeningSocket] {
        var sockets: [ListeningSocket] = []
        do {
            for listener in configuration.listeners { sockets.append(try await open(listener, group)) }
            return sockets
        } catch {
            for socket in sockets { await socket.close() }
            throw error
        }
    }

    private func open(_ listener: Listener, _ group: MultiThreadedEventLoopGroup) async throws -> ListeningSocket {
        let bootstrap = ServerBootstrap(group: group)
            .serverChannelOption(.backlog, value: 1_024)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelInitializer { [self] channel in
                channel.eventLoop.makeCompletedFuture { try accept(channel, listener.wireProtocol) }
            }
        var address = BoundAddress(wireProtocol: listener.wireProtocol)
        var file: UnixSocketFile?
        let channel: any Channel
        switch listener.endpoint {
        case .tcp(let host, let port):
            let target = try await resolve(host, port)
            if listener.wireProtocol == .fastCGI, target.isUnspecified, configuration.webServerAddresses == nil,
                !configuration.allowsFastCGIOnAllAddresses
            {
                throw ServerError.openToAll(host)
            }
            channel = try await bootstrap.bind(to: target).get()
        case .unix(let path, let mode):
            let bound = try UnixSocketFile.bind(path: path, mode: mode)
            file = bound.file
            address.path = path
            channel = try await bootstrap.withBoundSocket(bound.descriptor).get()
        case .inherited(let descriptor):
            guard InheritedSockets.isListening(descriptor) else { throw ServerError.notListening(descriptor) }
            channel = try await bootstrap.withBoundSocket(descriptor).get()
            address.path = channel.localAddress?.pathname
        }
        address.host = channel.localAddress?.ipAddress
        address.port = channel.localAddress?.port
        return ListeningSocket(channel: channel, address: address, file: file)
    }

    /// Asking for a name can take seconds, so it has a thread of its own.
    private func resolve(_ host: String, _ port: Int) async throws -> SocketAddress {
        if let address = try? SocketAddress(ipAddress: host, port: port) { return address }
        return try await NIOThreadPool.singleton.runIfActive {
            try SocketAddress.makeAddressResolvingHost(host, port: port)
        }
    }

    private func accept(_ channel: any Channel, _ wireProtocol: Listener.WireProtocol) throws {
        guard isWelcome(channel, wireProtocol), connections.add(channel) else { return channel.close(promise: nil) }
        switch wireProtocol {
        case .http:
            try HTTPPipeline.add(to: channel, serving: serving, trustedProxies: configuration.trustedProxies)
        case .fastCGI:
            try FastCGIPipeline.add(to: channel, serving: serving, basePath: configuration.basePath)
        }
        if connections.isDraining { channel.pipeline.fireUserInboundEventTriggered(StopEvent.drain) }
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

extension SocketAddress {
    /// 0.0.0.0 or ::, every address of the machine.
    fileprivate var isUnspecified: Bool { ipAddress == "0.0.0.0" || ipAddress == "::" }
}
