import NIOCore
import NIOPosix

extension Server {
    /// Presses `stopSwitch` for every byte read from `descriptor`, which is the channel's from now on.
    func press(
        _ stopSwitch: StopSwitch, onBytesFrom descriptor: CInt, _ group: MultiThreadedEventLoopGroup
    ) async throws {
        try await watch(descriptor, group) { PipeWatcher(onByte: stopSwitch.press, atEnd: {}) }
    }

    /// Presses `stopSwitch` when `descriptor` is at its end, and takes it over.
    func press(_ stopSwitch: StopSwitch, atEndOf descriptor: CInt, _ group: MultiThreadedEventLoopGroup) async throws {
        try await watch(descriptor, group) { PipeWatcher(onByte: {}, atEnd: stopSwitch.press) }
    }

    private func watch(
        _ descriptor: CInt, _ group: MultiThreadedEventLoopGroup, _ handler: @escaping @Sendable () -> PipeWatcher
    ) async throws {
        _ = try await NIOPipeBootstrap(group: group)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture { try channel.pipeline.syncOperations.addHandler(handler()) }
            }
            .takingOwnershipOfDescriptor(input: descriptor)
            .get()
    }
}

private final class PipeWatcher: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    private let onByte: () -> Void
    private let atEnd: () -> Void

    init(onByte: @escaping () -> Void, atEnd: @escaping () -> Void) {
        self.onByte = onByte
        self.atEnd = atEnd
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        for _ in 0..<unwrapInboundIn(data).readableBytes { onByte() }
    }

    func channelInactive(context: ChannelHandlerContext) {
        atEnd()
        context.fireChannelInactive()
    }
}
