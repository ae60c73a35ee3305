import NIOCore
import NIOPosix
import Synchronization

/// A connection on which a test says exactly what it wants to, and sees every byte that comes back.
struct RawClient: Sendable {
    private let channel: any Channel
    private let collector: Collector

    /// Connects, gives `body` the connection, and closes it.
    ///
    /// - Parameter patience: how long to wait, each time, for what should come.
    static func with<Result>(
        _ address: SocketAddress, autoRead: Bool = true, patience: Duration = .seconds(30),
        _ body: (RawClient) async throws -> Result
    ) async throws -> Result {
        let collector = Collector(patience: patience)
        let channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .channelOption(.allowRemoteHalfClosure, value: true)
            .channelOption(.autoRead, value: autoRead)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(CollectingHandler(collector))
                }
            }
            .connect(to: address).get()
        do {
            let result = try await body(RawClient(channel: channel, collector: collector))
            // It may be closed already.
            try? await channel.close()
            return result
        } catch {
            try? await channel.close()
            throw error
        }
    }

    func send(_ text: String) async throws { try await send(Array(text.utf8)) }

    func send(_ bytes: [UInt8]) async throws { try await channel.writeAndFlush(ByteBuffer(bytes: bytes)) }

    func close() async throws { try await channel.close() }

    /// Closes this half: nothing more will be sent, and what comes back is still read (shutdown(2), SHUT_WR).
    func finishSending() async throws { try await channel.close(mode: .output) }

    func startReading() async throws { try await channel.setOption(.autoRead, value: true).get() }

    /// All bytes received so far, once they satisfy `condition`.
    ///
    /// - Throws: ``Unsatisfied`` when the connection ends before that, ``TimedOut`` when it takes too long.
    @discardableResult
    func bytes(until condition: @escaping @Sendable ([UInt8]) -> Bool) async throws -> [UInt8] {
        try await collector.wait { $0.isOver || condition($0.bytes) }
        let bytes = collector.bytes
        guard condition(bytes) else { throw Unsatisfied(received: String(decoding: bytes, as: UTF8.self)) }
        return bytes
    }

    /// The text received so far, once it ends like this.
    func text(endingWith suffix: String) async throws -> String {
        String(decoding: try await bytes { String(decoding: $0, as: UTF8.self).hasSuffix(suffix) }, as: UTF8.self)
    }

    /// All bytes, once the peer has ended the connection. Throws ``TimedOut`` when that takes too long.
    func bytesUntilEnd() async throws -> [UInt8] {
        try await collector.wait { $0.isOver }
        return collector.bytes
    }

    func textUntilEnd() async throws -> String { String(decoding: try await bytesUntilEnd(), as: UTF8.self) }

    struct Unsatisfied: Error {
        var received: String
    }

    struct TimedOut: Error {}
}

private final class Collector: Sendable {
    struct State {
        var bytes: [UInt8] = []
        var isOver = false
        var hasTimedOut = false
        var waiters: [(condition: @Sendable (State) -> Bool, continuation: CheckedContinuation<Void, Never>)] = []
    }

    private let state = Mutex(State())
    private let patience: Duration

    init(patience: Duration) { self.patience = patience }

    var bytes: [UInt8] { state.withLock { $0.bytes } }

    func update(_ change: (inout State) -> Void) {
        let due = state.withLock { state in
            change(&state)
            let due = state.waiters.filter { $0.condition(state) }
            let now = state
            state.waiters.removeAll { $0.condition(now) }
            return due
        }
        for waiter in due { waiter.continuation.resume() }
    }

    func wait(_ condition: @escaping @Sendable (State) -> Bool) async throws {
        let timeout = Task {
            try await Task.sleep(for: patience)
            update {
                $0.isOver = true
                $0.hasTimedOut = true
            }
        }
        defer { timeout.cancel() }
        await withCheckedContinuation { continuation in
            let waits = state.withLock { state in
                guard !condition(state) else { return false }
                state.waiters.append((condition, continuation))
                return true
            }
            if !waits { continuation.resume() }
        }
        if state.withLock({ $0.hasTimedOut }) { throw RawClient.TimedOut() }
    }
}

private final class CollectingHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    private let collector: Collector

    init(_ collector: Collector) { self.collector = collector }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let bytes = unwrapInboundIn(data)
        collector.update { $0.bytes += bytes.readableBytesView }
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if let event = event as? ChannelEvent, event == .inputClosed { collector.update { $0.isOver = true } }
    }

    func channelInactive(context: ChannelHandlerContext) { collector.update { $0.isOver = true } }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { collector.update { $0.isOver = true } }
}
