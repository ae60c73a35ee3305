import FunctionChannel
import FunctionCore
import NIOCore
import NIOHTTP1

/// Between NIO's HTTP/1.1 parser and ``RequestHandler``: one request at a time, in order, for as long as the connection
/// is kept.
///
/// A connection that ends on our side is half-closed first and what still arrives is discarded for a while, since a
/// kernel that closes with bytes unread resets the connection, and the caller never sees the answer.
public final class HTTPHandler: ChannelDuplexHandler {
    public typealias InboundIn = HTTPServerRequestPart
    public typealias InboundOut = RequestPart
    public typealias OutboundIn = ResponsePart
    public typealias OutboundOut = ByteBuffer

    /// The request that is being read or answered.
    private struct Current {
        var framing: MessageFraming
        var isEnded = false
        var isAnswered = false
        /// Whether the head of a streamed response has been written.
        var hasBegun = false
        var isChunked = false
        var closesAfter = false
    }

    private enum State {
        case idle
        case request(Current)
        /// Nothing more is written, and nothing that arrives is looked at.
        case over
    }

    private let serving: Serving
    private var limits: ServingLimits { serving.limits }
    private var state = State.idle
    private var encoder = ResponseEncoder()
    /// Parts of requests that came before the current one was answered: at most what one read brought.
    private var waiting = CircularBuffer<HTTPServerRequestPart>()
    private var isPumping = false
    private var isReading = false
    private var hasPendingRead = false
    /// Whether the last read gave any part, and whether bytes have come that are not a head yet.
    private var hasReadPart = false
    private var hasPartialHead = false
    private var isDraining = false
    private var giveAway: (@Sendable (any Channel) -> Bool)?
    /// Whether one read has ever brought more than one head. The parser may then hold the beginning of another, and
    /// nobody could go on from there.
    private var isPipelined = false
    private var hasReadHead = false
    private var peer: String?
    private var timer: DeadlineTimer?
    private var ending: ConnectionEnding?

    public init(_ serving: Serving) { self.serving = serving }

    public func handlerAdded(context: ChannelHandlerContext) {
        // Stopped in `handlerRemoved`, which every handler lives to see.
        timer = DeadlineTimer(on: context.eventLoop) { [unowned self] in timeOut(context) }
        if context.channel.isActive { begin(context) }
    }

    public func handlerRemoved(context: ChannelHandlerContext) {
        timer?.stop()
        ending?.stop()
    }

    public func channelActive(context: ChannelHandlerContext) {
        begin(context)
        context.fireChannelActive()
    }

    private func begin(_ context: ChannelHandlerContext) {
        peer = context.remoteAddress?.ipAddress
        timer?.deadline = .now() + TimeAmount(idleTime)
    }

    // MARK: Inbound

    public func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        isReading = true
        hasReadPart = true
        let part = unwrapInboundIn(data)
        if case .head = part {
            isPipelined = isPipelined || hasReadHead
            hasReadHead = true
        }
        waiting.append(part)
        pump(context)
    }

    public func channelReadComplete(context: ChannelHandlerContext) {
        if case .idle = state, !hasReadPart, !hasPartialHead {
            hasPartialHead = true
            timer?.deadline = .now() + TimeAmount(limits.headTimeout)
        }
        isReading = false
        hasReadPart = false
        hasReadHead = false
        context.fireChannelReadComplete()
    }

    /// While an answer is being made no more is read, so a caller that pipelines without end waits in its kernel.
    public func read(context: ChannelHandlerContext) {
        if case .request(let current) = state, current.isEnded { hasPendingRead = true } else { context.read() }
    }

    /// Handles waiting parts one after the other, never one inside another, however many requests one read brought.
    private func pump(_ context: ChannelHandlerContext) {
        guard !isPumping else { return }
        guard !waiting.isEmpty else { return }
        isPumping = true
        defer {
            isPumping = false
            // Parts that waited for an answer come outside of any read, and whoever gets them answers at its end.
            if !isReading { context.fireChannelReadComplete() }
        }
        while let part = waiting.first {
            if case .request(let current) = state, current.isEnded { return }
            waiting.removeFirst()
            if case .over = state { continue }
            take(part, context)
        }
    }

    private func take(_ part: HTTPServerRequestPart, _ context: ChannelHandlerContext) {
        switch part {
        case .head(let head):
            timer?.deadline = nil
            hasPartialHead = false
            open(head, context)
        case .body(let bytes):
            guard case .request(let current) = state, !current.isAnswered, bytes.readableBytes > 0 else { return }
            context.fireChannelRead(wrapInboundOut(.body(0, bytes)))
        case .end:
            guard case .request(var current) = state else { return }
            current.isEnded = true
            state = .request(current)
            if current.isAnswered { finish(current, context) } else { context.fireChannelRead(wrapInboundOut(.end(0))) }
        }
    }

    private func open(_ head: HTTPRequestHead, _ context: ChannelHandlerContext) {
        do {
            let (framing, request) = try MessageFraming.read(head, peer: peer, serving)
            state = .request(Current(framing: framing))
            context.fireChannelRead(wrapInboundOut(.head(0, request)))
        } catch {
            refuse(error, context)
        }
    }

    /// Answers what is not a request; the connection ends with that.
    private func refuse(_ problem: Problem, _ context: ChannelHandlerContext) {
        var current = Current(framing: .unreadable)
        current.closesAfter = true
        state = .request(current)
        context.fireChannelRead(wrapInboundOut(.unreadable(0, problem)))
    }

    public func errorCaught(context: ChannelHandlerContext, error: any Error) {
        guard let error = error as? HTTPParserError else { return context.close(promise: nil) }
        switch state {
        case .idle where context.channel.isActive:
            refuse(Problem(error == .headerOverflow ? .headersTooLarge : .malformedRequest), context)
            context.fireChannelReadComplete()
        case .request(var current) where current.isEnded:
            // What follows the request that is being answered is unreadable: answer that one, and end.
            current.closesAfter = true
            state = .request(current)
        case .request where context.channel.isActive:
            // The body's framing is broken.
            context.fireChannelRead(wrapInboundOut(.aborted(0)))
            refuse(Problem(.malformedRequest), context)
            context.fireChannelReadComplete()
        case .request: context.close(promise: nil)
        case .idle, .over: break
        }
    }

    public func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if let stop = event as? StopEvent { heed(stop, context) }
        if event as? ChannelEvent == .inputClosed { inputClosed(context) }
        context.fireUserInboundEventTriggered(event)
    }

    /// The caller says nothing more. It may have left, or wait for its answer; to TCP both look the same until something
    /// is sent. An interim response costs one that waits nothing (RFC 9110 §15.2), and is answered with a reset for one
    /// that has left, which then cancels its request.
    private func inputClosed(_ context: ChannelHandlerContext) {
        switch state {
        case .idle: context.close(promise: nil)
        case .over: break
        case .request(var current):
            current.closesAfter = true
            state = .request(current)
            guard current.isEnded else { return context.close(promise: nil) }
            if !current.framing.isHTTP10, !current.hasBegun {
                context.writeAndFlush(wrapOutboundOut(ResponseEncoder.goAhead), promise: nil)
            }
        }
    }

    private func heed(_ stop: StopEvent, _ context: ChannelHandlerContext) {
        if case .cancel = stop {
            if case .idle = state { context.close(promise: nil) }
            return
        }
        (isDraining, giveAway) = (false, nil)
        switch stop {
        case .drain: isDraining = true
        case .giveAway(let give):
            if isPipelined { isDraining = true } else { giveAway = give }
        case .stay, .cancel: break
        }
        if case .idle = state, !hasPartialHead { timer?.deadline = .now() + TimeAmount(idleTime) }
    }

    /// How long to wait for the next request.
    private var idleTime: Duration {
        if giveAway != nil { return .zero }
        return isDraining ? limits.drainGrace : limits.idleTimeout
    }

    private func timeOut(_ context: ChannelHandlerContext) {
        switch state {
        case .idle where hasPartialHead:
            refuse(Problem(.requestTimeout), context)
            context.fireChannelReadComplete()
        case .idle:
            guard let giveAway else { return context.close(promise: nil) }
            // What has not left yet would be lost.
            if waiting.isEmpty, context.channel.bufferedBytes == 0, giveAway(context.channel) {
                state = .over
                return context.close(promise: nil)
            }
            timer?.deadline = .now() + TimeAmount(limits.giveAwayRetry)
        case .over: context.close(promise: nil)
        case .request: break
        }
    }

    // MARK: Outbound

    public func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        guard case .request(var current) = state else {
            promise?.fail(ChannelError.ioOnClosedChannel)
            return
        }
        var buffer = ByteBuffer()
        switch unwrapOutboundIn(data) {
        case .goAhead:
            if current.framing.expectsContinue, current.framing.hasBody, !current.isEnded {
                context.writeAndFlush(wrapOutboundOut(ResponseEncoder.goAhead), promise: nil)
            }
            promise?.succeed()
        case .response(_, let response, let sendsBody):
            decideClosing(&current)
            let body: [UInt8]? = if case .bytes(let bytes) = response.body { bytes } else { nil }
            let sent = sendsBody && response.statusAllowsBody ? body ?? [] : []
            buffer.reserveCapacity(512 + sent.count)
            encoder.head(
                of: response, framing: .length(response.statusAllowsBody ? response.body.length : nil),
                keepsAlive: !current.closesAfter, isHTTP10: current.framing.isHTTP10, into: &buffer)
            buffer.writeBytes(sent)
            context.write(wrapOutboundOut(buffer), promise: promise)
            answered(current, context)
        case .head(_, let response):
            decideClosing(&current)
            var framing = ResponseEncoder.Framing.length(response.body.length)
            if response.body.length == nil {
                current.isChunked = !current.framing.isHTTP10
                current.closesAfter = current.closesAfter || !current.isChunked
                framing = current.isChunked ? .chunked : .close
            }
            encoder.head(
                of: response, framing: framing, keepsAlive: !current.closesAfter, isHTTP10: current.framing.isHTTP10,
                into: &buffer)
            current.hasBegun = true
            state = .request(current)
            context.write(wrapOutboundOut(buffer), promise: promise)
        case .body(_, let bytes):
            guard current.isChunked else { return context.write(wrapOutboundOut(bytes), promise: promise) }
            buffer.reserveCapacity(bytes.readableBytes + 20)
            ResponseEncoder.chunk(bytes, into: &buffer)
            context.write(wrapOutboundOut(buffer), promise: promise)
        case .end(_, .complete):
            if current.isChunked {
                context.write(wrapOutboundOut(ResponseEncoder.lastChunk), promise: promise)
            } else {
                promise?.succeed()
            }
            answered(current, context)
        case .end(_, .truncated):
            // Without its last chunk or its last bytes the response is seen to be broken (RFC 9112 §8).
            promise?.succeed()
            state = .over
            context.flush()
            context.close(promise: nil)
        }
    }

    private func decideClosing(_ current: inout Current) {
        let isCutOff = current.framing.hasBody && !current.isEnded
        current.closesAfter = current.closesAfter || isDraining || isCutOff || !current.framing.keepsAlive
    }

    private func answered(_ current: Current, _ context: ChannelHandlerContext) {
        var current = current
        current.isAnswered = true
        state = .request(current)
        if current.isEnded || current.closesAfter { finish(current, context) }
    }

    private func finish(_ current: Current, _ context: ChannelHandlerContext) {
        guard !current.closesAfter, !isDraining else { return end(context) }
        state = .idle
        timer?.deadline = .now() + TimeAmount(idleTime)
        pump(context)
        if hasPendingRead, case .idle = state {
            hasPendingRead = false
            context.read()
        }
    }

    private func end(_ context: ChannelHandlerContext) {
        state = .over
        waiting.removeAll()
        timer?.stop()
        ending = ConnectionEnding(context, limits: limits, draining: true)
        if hasPendingRead {
            hasPendingRead = false
            context.read()
        }
    }
}
