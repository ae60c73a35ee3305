import FastCGIWire
import FunctionCore
import HTTPTypes
import NIOCore
import NIOPosix
import Synchronization

/// Sends requests to a FastCGI application: this side is the web server.
///
/// A connection carries one request at a time and is kept for the next one. Bounded by whoever calls: there are as many
/// connections as requests under way, and at most ``idleConnections`` besides.
public final class FastCGIClient: Sendable {
    private struct Pool {
        var idle: [ClientConnection] = []
        var isShutDown = false
    }

    private let address: SocketAddress
    private let group: any EventLoopGroup
    private let connectTimeout: Duration
    /// Connections kept while nothing needs them.
    public let idleConnections: Int
    private let pool = Mutex(Pool())

    /// - Parameter address: the application's socket, Unix or TCP.
    public init(
        to address: SocketAddress, group: any EventLoopGroup = MultiThreadedEventLoopGroup.singleton,
        connectTimeout: Duration = .seconds(5), idleConnections: Int = 16
    ) {
        self.address = address
        self.group = group
        self.connectTimeout = connectTimeout
        self.idleConnections = idleConnections
    }

    /// Sends a request and waits for the head of its response, or for all of it when it is short.
    ///
    /// - Parameter parameters: the CGI meta-variables, `REQUEST_METHOD` among them.
    /// - Returns: the response. A streamed body that is not read to its end, or is given up, closes its connection,
    ///   which tells the application.
    /// - Throws: `CancellationError`; ``WireError`` for what is not FastCGI or for a refusal; NIO's error when the
    ///   application cannot be reached or leaves. Only a GET or HEAD whose kept connection was lost is sent once more
    ///   by itself.
    public func send(_ parameters: [NameValuePair], body: [UInt8] = []) async throws -> Response {
        let method = parameters.first { $0.name == "REQUEST_METHOD" }?.value
        let bytes = ResponseReader.request(parameters, body: body, keepConnection: true)
        if let kept = takeIdle() {
            do {
                return try await response(on: kept, bytes, isHead: method == "HEAD")
            } catch is CancellationError {
                throw CancellationError()
            } catch let error where error is WireError || !(method == "GET" || method == "HEAD") {
                throw error
            } catch {
                // The application has closed the connection while it was idle. To ask again does no harm.
            }
        }
        return try await response(on: connect(), bytes, isHead: method == "HEAD")
    }

    /// Closes all idle connections, and those under way when their response has ended.
    public func shutdown() {
        let idle = pool.withLock { pool in
            pool.isShutDown = true
            defer { pool.idle = [] }
            return pool.idle
        }
        for connection in idle { connection.close() }
    }

    private func response(on connection: ClientConnection, _ bytes: [UInt8], isHead: Bool) async throws -> Response {
        let transfer = Transfer(connection, self)
        try await connection.begin(bytes)
        return try await Response(isHead: isHead) { try await transfer.next() }
    }

    private func takeIdle() -> ClientConnection? {
        pool.withLock { pool in
            while let connection = pool.idle.popLast() {
                if connection.isActive { return connection }
            }
            return nil
        }
    }

    func giveBack(_ connection: ClientConnection) {
        let isKept = pool.withLock { pool in
            guard connection.isActive, !pool.isShutDown, pool.idle.count < idleConnections else { return false }
            pool.idle.append(connection)
            return true
        }
        if !isKept { connection.close() }
    }

    private func connect() async throws -> ClientConnection {
        let channel = try await ClientBootstrap(group: group)
            .connectTimeout(TimeAmount(connectTimeout))
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(ClientHandler())
                }
            }
            .connect(to: address).get()
        let handler = try await channel.pipeline.handler(type: ClientHandler.self).map { handler in
            NIOLoopBound(handler, eventLoop: channel.eventLoop)
        }.get()
        return ClientConnection(channel: channel, handler: handler)
    }
}

/// One response on its way. Given up before its end, it closes its connection.
private final class Transfer: Sendable {
    private let connection: ClientConnection
    private let client: FastCGIClient
    private let isOver = Mutex(false)

    init(_ connection: ClientConnection, _ client: FastCGIClient) {
        self.connection = connection
        self.client = client
    }

    deinit {
        if !isOver.withLock({ $0 }) { connection.close() }
    }

    /// The next part; nil once the response is over and the connection has been given back.
    func next() async throws -> ResponseReader.Part? {
        if isOver.withLock({ $0 }) { return nil }
        while true {
            let part = try await connection.next()
            switch part {
            case .errorText: continue
            case .head, .body: return part
            case .end:
                isOver.withLock { $0 = true }
                client.giveBack(connection)
                return nil
            }
        }
    }
}
