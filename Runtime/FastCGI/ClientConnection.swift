import FastCGIWire
import NIOCore

/// One connection of a ``FastCGIClient``, usable from any task. One request at a time.
struct ClientConnection: Sendable {
    let channel: any Channel
    let handler: NIOLoopBound<ClientHandler>

    var isActive: Bool { channel.isActive }

    func close() { channel.close(promise: nil) }

    /// Sends a request; its response comes by ``next()``.
    func begin(_ bytes: [UInt8]) async throws {
        channel.eventLoop.execute { handler.value.begin() }
        try await orClose { try await channel.writeAndFlush(ByteBuffer(bytes: bytes)) }
    }

    func next() async throws -> ResponseReader.Part {
        try await orClose {
            try await withCheckedThrowingContinuation { continuation in
                if channel.eventLoop.inEventLoop {
                    handler.value.next(continuation)
                } else {
                    channel.eventLoop.execute { handler.value.next(continuation) }
                }
            }
        }
    }

    /// FastCGI knows FCGI_ABORT_REQUEST, but what every application understands is that the web server hangs up.
    private func orClose<Result: Sendable>(_ work: () async throws -> Result) async throws -> Result {
        try await withTaskCancellationHandler {
            do { return try await work() } catch {
                try Task.checkCancellation()
                throw error
            }
        } onCancel: {
            close()
        }
    }
}

/// Reads responses on a client's connection and keeps what nobody has asked for yet, within bounds.
final class ClientHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    /// Bytes of body waiting at which reading pauses, and at which it goes on.
    private static let highWater = 256 * 1_024
    private static let lowWater = 64 * 1_024

    private var context: ChannelHandlerContext?
    private var reader: ResponseReader?
    private var parts = CircularBuffer<ResponseReader.Part>()
    private var waitingBytes = 0
    private var isPaused = false
    private var failure: (any Error)?
    private var waiter: CheckedContinuation<ResponseReader.Part, any Error>?

    func handlerAdded(context: ChannelHandlerContext) { self.context = context }

    func handlerRemoved(context: ChannelHandlerContext) {
        fail(ChannelError.eof)
        self.context = nil
    }

    func begin() { reader = ResponseReader() }

    func next(_ continuation: CheckedContinuation<ResponseReader.Part, any Error>) {
        if let part = parts.popFirst() {
            if case .body(let bytes) = part { waitingBytes -= bytes.count }
            if waitingBytes < Self.lowWater { pause(false) }
            continuation.resume(returning: part)
        } else if let failure {
            continuation.resume(throwing: failure)
        } else {
            waiter = continuation
        }
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var buffer = unwrapInboundIn(data)
        // Nothing may come while no request is under way.
        guard let bytes = buffer.readBytes(length: buffer.readableBytes), reader != nil else {
            return context.close(promise: nil)
        }
        reader?.receive(bytes)
        do {
            while let part = try reader?.next() { deliver(part) }
        } catch {
            fail(error)
            context.close(promise: nil)
        }
    }

    func channelInactive(context: ChannelHandlerContext) {
        fail(ChannelError.eof)
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        fail(error)
        context.close(promise: nil)
    }

    private func deliver(_ part: ResponseReader.Part) {
        if let waiter {
            self.waiter = nil
            waiter.resume(returning: part)
            return
        }
        parts.append(part)
        if case .body(let bytes) = part { waitingBytes += bytes.count }
        if waitingBytes > Self.highWater { pause(true) }
    }

    private func fail(_ error: any Error) {
        if failure == nil { failure = error }
        waiter?.resume(throwing: error)
        waiter = nil
    }

    private func pause(_ pauses: Bool) {
        guard pauses != isPaused else { return }
        isPaused = pauses
        try? context?.channel.syncOptions?.setOption(.autoRead, value: !pauses)
    }
}
