import NIOCore

/// The end of a connection, begun by us: what was written leaves first, then our half closes, and then the rest.
///
/// With `draining`, what the peer still sends is awaited and discarded for a while in between: a kernel that closes
/// with bytes unread resets the connection, and the peer may never see the answer (RFC 9112 §9.6). Used on the
/// channel's event loop; whoever begins it looks at nothing that arrives afterwards.
public final class ConnectionEnding {
    private let context: ChannelHandlerContext
    private let limits: ServingLimits
    private let draining: Bool
    private var timer: DeadlineTimer?
    private var hasClosedOutput = false
    private var bufferedBytes = 0

    /// Begins to close. Flushes what has been written.
    public init(_ context: ChannelHandlerContext, limits: ServingLimits, draining: Bool) {
        self.context = context
        self.limits = limits
        self.draining = draining
        // Stopped by `stop()`, which the handler that owns this calls when it is removed.
        timer = DeadlineTimer(on: context.eventLoop) { [unowned self] in timeOut() }
        context.flush()
        if context.channel.bufferedBytes == 0 {
            closeOutput()
        } else {
            // Where the peer has closed its half already, closing ours closes the connection, with all that still waits.
            let sent = context.eventLoop.makePromise(of: Void.self)
            sent.futureResult.assumeIsolated().whenComplete { _ in self.closeOutput() }
            context.writeAndFlush(NIOAny(ByteBuffer()), promise: sent)
        }
        if !hasClosedOutput { watch() }
    }

    private func closeOutput() {
        let promise = context.eventLoop.makePromise(of: Void.self)
        promise.futureResult.assumeIsolated().whenComplete { _ in self.outputClosed() }
        context.close(mode: .output, promise: promise)
    }

    public func stop() { timer?.stop() }

    private func outputClosed() {
        hasClosedOutput = true
        if draining { timer?.deadline = .now() + TimeAmount(limits.linger) } else { context.close(promise: nil) }
    }

    /// A peer that takes nothing of its answer for long enough does not get the rest.
    private func watch() {
        bufferedBytes = context.channel.bufferedBytes
        timer?.deadline = .now() + TimeAmount(limits.sendTimeout)
    }

    private func timeOut() {
        if !hasClosedOutput, context.channel.bufferedBytes < bufferedBytes {
            watch()
        } else {
            context.close(promise: nil)
        }
    }
}

extension Channel {
    /// Bytes written that the kernel has not taken yet. Called on the channel's event loop.
    public var bufferedBytes: Int { (try? syncOptions?.getOption(.bufferedWritableBytes)) ?? 0 }
}
