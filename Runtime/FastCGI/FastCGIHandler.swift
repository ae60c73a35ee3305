import FastCGIWire
import FunctionChannel
import FunctionCore
import HTTPTypes
import NIOCore

/// Between a web server's FastCGI connection and ``RequestHandler``: this side is the application.
public final class FastCGIHandler: ChannelDuplexHandler {
    public typealias InboundIn = ByteBuffer
    public typealias InboundOut = RequestPart
    public typealias OutboundIn = ResponsePart
    public typealias OutboundOut = ByteBuffer

    private let serving: Serving
    private var limits: ServingLimits { serving.limits }
    private var connection: FastCGIWire.Connection
    /// Once there, nothing more is written, and nothing that arrives is looked at.
    private var ending: ConnectionEnding?
    private var isBroken = false
    private var isDraining = false
    private var giveAway: (@Sendable (any Channel) -> Bool)?
    private var needsFlush = false
    private var isHoldingRead = false
    /// Whose head the timer is set for.
    private var awaitedRequest: Int?
    private var timer: DeadlineTimer?

    public init(_ serving: Serving) {
        self.serving = serving
        var wire = FastCGIWire.Connection.Limits()
        // The specification means the process, HAProxy takes it for the connection: the smaller is right for both.
        wire.advertisedRequests = min(serving.limits.concurrentRequests, wire.openRequests)
        connection = FastCGIWire.Connection(limits: wire)
    }

    public func handlerAdded(context: ChannelHandlerContext) {
        // Stopped in `handlerRemoved`, which every handler lives to see. It fires only where nothing is being answered,
        // since then there is a deadline.
        timer = DeadlineTimer(on: context.eventLoop) { [unowned self] in timeOut(context) }
        timer?.deadline = .now() + TimeAmount(limits.gatewayIdleTimeout)
    }

    public func handlerRemoved(context: ChannelHandlerContext) {
        timer?.stop()
        ending?.stop()
    }

    private var isOver: Bool { isBroken || ending != nil }

    // MARK: Inbound

    public func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var buffer = unwrapInboundIn(data)
        guard !isOver, let bytes = buffer.readBytes(length: buffer.readableBytes) else { return }
        connection.receive(bytes)
        while !isOver, let action = connection.next() { perform(action, context) }
    }

    public func channelReadComplete(context: ChannelHandlerContext) {
        if needsFlush {
            needsFlush = false
            context.flush()
        }
        if !isOver { setTimer() }
        context.fireChannelReadComplete()
    }

    /// A peer that does not take our answers gets no more of its requests read, or what it does not take would pile up.
    public func read(context: ChannelHandlerContext) {
        if context.channel.isWritable || isOver { context.read() } else { isHoldingRead = true }
    }

    public func channelWritabilityChanged(context: ChannelHandlerContext) {
        if context.channel.isWritable { readOn(context) }
        context.fireChannelWritabilityChanged()
    }

    private func readOn(_ context: ChannelHandlerContext) {
        guard isHoldingRead else { return }
        isHoldingRead = false
        context.read()
    }

    private func setTimer() {
        let awaited = connection.awaitedRequest
        if awaited == nil {
            timer?.deadline = connection.openRequests > 0 ? nil : .now() + TimeAmount(idleTime)
        } else if awaited != awaitedRequest {
            timer?.deadline = .now() + TimeAmount(limits.headTimeout)
        }
        awaitedRequest = awaited
    }

    /// How long to wait for the next request.
    private var idleTime: Duration {
        if giveAway != nil { return .zero }
        return isDraining ? limits.drainGrace : limits.gatewayIdleTimeout
    }

    private func timeOut(_ context: ChannelHandlerContext) {
        guard let giveAway, connection.openRequests == 0, connection.awaitedRequest == nil else {
            return context.close(promise: nil)
        }
        // What has not left yet would be lost.
        if context.channel.bufferedBytes == 0, giveAway(context.channel) { return context.close(promise: nil) }
        timer?.deadline = .now() + TimeAmount(limits.giveAwayRetry)
    }

    private func perform(_ action: FastCGIWire.Connection.Action, _ context: ChannelHandlerContext) {
        switch action {
        case .request(let id, let parameters): open(id, parameters, context)
        case .body(let id, let bytes): context.fireChannelRead(wrapInboundOut(.body(id, ByteBuffer(bytes: bytes))))
        case .bodyEnd(let id): context.fireChannelRead(wrapInboundOut(.end(id)))
        case .abort(let id):
            context.fireChannelRead(wrapInboundOut(.aborted(id)))
            end(id, appStatus: 0, ByteBuffer(), context, promise: nil)
        case .send(let bytes):
            // Somebody who asks on and on without reading the answers gets no more of them. callwaiting-cgi asks while it
            // waits for an answer, but never after one has begun to reach it.
            guard context.channel.isWritable else { return close(draining: false, context) }
            context.write(wrapOutboundOut(ByteBuffer(bytes: bytes)), promise: nil)
            needsFlush = true
        case .close(let draining): close(draining: draining, context)
        case .fail: context.close(promise: nil)
        }
    }

    private func open(_ id: StreamID, _ parameters: Parameters, _ context: ChannelHandlerContext) {
        let variables = GatewayVariables(bytes: parameters.bytes, places: parameters.places)
        do {
            let head = try variables.requestHead(basePath: serving.basePath, serving.trustedProxies)
            context.fireChannelRead(wrapInboundOut(.head(id, head)))
            if Self.hasNoBody(head, variables) { context.fireChannelRead(wrapInboundOut(.end(id))) }
        } catch {
            context.fireChannelRead(wrapInboundOut(.unreadable(id, error)))
        }
    }

    /// Some web servers never end STDIN when there is no body (haproxy issue 2499), so such a request does not wait for
    /// it. Without CONTENT_LENGTH a POST may have a body all the same, which mod_proxy_fcgi streams.
    private static func hasNoBody(_ head: RequestHead, _ variables: GatewayVariables) -> Bool {
        if let length = variables["CONTENT_LENGTH"] { return length == "0" }
        return !head.mayHaveUndeclaredBody
    }

    public func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if let stop = event as? StopEvent { heed(stop, context) }
        context.fireUserInboundEventTriggered(event)
    }

    private func heed(_ stop: StopEvent, _ context: ChannelHandlerContext) {
        if case .cancel = stop {
            if connection.openRequests == 0 { context.close(promise: nil) }
            return
        }
        (isDraining, giveAway) = (false, nil)
        switch stop {
        case .drain: isDraining = true
        case .giveAway(let give): giveAway = give
        case .stay, .cancel: break
        }
        if !isOver { setTimer() }
    }

    // MARK: Outbound

    public func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        guard !isOver else {
            promise?.fail(ChannelError.ioOnClosedChannel)
            return
        }
        var buffer = ByteBuffer()
        switch unwrapOutboundIn(data) {
        case .goAhead:
            promise?.succeed()  // Over HTTP alone.
        case .response(let id, let response, let sendsBody):
            // Never in one record: HAProxy 2.6 crashes on some that have a head and the beginning of a body.
            buffer.writeStdout(GatewayResponse.head(of: response), id: id)
            if sendsBody, response.statusAllowsBody, case .bytes(let bytes) = response.body {
                buffer.writeStdout(bytes, id: id)
            }
            end(id, appStatus: 0, buffer, context, promise: promise)
        case .head(let id, let response):
            buffer.writeStdout(GatewayResponse.head(of: response), id: id)
            context.write(wrapOutboundOut(buffer), promise: promise)
        case .body(let id, var bytes):
            buffer.writeStdout(bytes.readBytes(length: bytes.readableBytes) ?? [], id: id)
            context.write(wrapOutboundOut(buffer), promise: promise)
        case .end(let id, .complete):
            end(id, appStatus: 0, buffer, context, promise: promise)
        case .end(let id, .truncated):
            // No web server looks at the application status, and nginx takes a connection's end for the end of a body
            // whose length it does not know. Eight bytes that are no record it takes for a failure, as all do, and the
            // caller sees that the body broke off. Where other requests share the connection, the status has to do.
            guard connection.openRequests > 1 else {
                isBroken = true
                buffer.writeInteger(UInt64(0))
                context.writeAndFlush(wrapOutboundOut(buffer), promise: promise)
                return context.close(promise: nil)
            }
            end(id, appStatus: 1, buffer, context, promise: promise)
        }
    }

    private func end(
        _ id: StreamID, appStatus: UInt32, _ buffer: ByteBuffer, _ context: ChannelHandlerContext,
        promise: EventLoopPromise<Void>?
    ) {
        var buffer = buffer
        guard let ended = connection.end(id, appStatus: appStatus) else {
            promise?.fail(ChannelError.ioOnClosedChannel)
            return
        }
        buffer.writeBytes(ended.bytes)
        context.write(wrapOutboundOut(buffer), promise: promise)
        needsFlush = true
        if let next = ended.next {
            perform(next, context)
        } else if isDraining, connection.openRequests == 0 {
            close(draining: true, context)
        } else {
            setTimer()
        }
    }

    private func close(draining: Bool, _ context: ChannelHandlerContext) {
        guard ending == nil else { return }
        timer?.stop()
        ending = ConnectionEnding(context, limits: limits, draining: draining)
        readOn(context)
    }
}

extension ByteBuffer {
    /// Appends `bytes` as STDOUT records; nothing for no bytes, since an empty record would end the stream.
    fileprivate mutating func writeStdout(_ bytes: [UInt8], id: UInt16) {
        reserveCapacity(minimumWritableBytes: bytes.count + 32 * (1 + bytes.count / Record.longestContent))
        var rest = bytes[...]
        while !rest.isEmpty {
            let content = rest.prefix(Record.longestContent)
            let header = RecordHeader(type: .stdout, id: id, contentLength: UInt16(content.count))
            writeInteger(header.word)
            writeBytes(content)
            writeRepeatingByte(0, count: Int(header.paddingLength))
            rest = rest.dropFirst(content.count)
        }
    }
}
