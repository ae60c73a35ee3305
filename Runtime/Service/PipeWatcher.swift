import Glibc
import NIOCore
import NIOPosix

/// Watches a pipe on an event loop.
final class PipeWatcher: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    private let onByte: (UInt8) -> Void
    private let atEnd: () -> Void

    private init(onByte: @escaping (UInt8) -> Void, atEnd: @escaping () -> Void) {
        self.onByte = onByte
        self.atEnd = atEnd
    }

    /// Calls `onByte` for every byte read from `descriptor`, and `atEnd` when nobody can write to it any more. Watches a
    /// copy: the descriptor stays the caller's.
    static func watch(
        _ descriptor: CInt, _ group: MultiThreadedEventLoopGroup,
        onByte: @escaping @Sendable (UInt8) -> Void = { _ in },
        atEnd: @escaping @Sendable () -> Void = {}
    ) async throws {
        let copy = fcntl(descriptor, F_DUPFD_CLOEXEC, 3)
        guard copy >= 0 else { throw ServerError.system(call: "dup", on: "pipe \(descriptor)", errno: errno) }
        _ = try await NIOPipeBootstrap(group: group)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(PipeWatcher(onByte: onByte, atEnd: atEnd))
                }
            }
            .takingOwnershipOfDescriptor(input: copy)
            .get()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        for byte in unwrapInboundIn(data).readableBytesView { onByte(byte) }
    }

    func channelInactive(context: ChannelHandlerContext) {
        atEnd()
        context.fireChannelInactive()
    }
}
