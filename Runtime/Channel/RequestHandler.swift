import FunctionCore
import HTTPTypes
import NIOCore

/// From request parts to response parts: asks the responder, reads the body within its bounds, runs the function as a
/// task on the channel's event loop, and sends what it answers. The same for HTTP and FastCGI.
///
/// Every request ends: at its body's time-out, at its deadline (by cancelling its task), and at the latest when its
/// overrun is over, when the caller gets a 503 and whatever the task still does is dropped. A caller that leaves
/// cancels its requests.
public final class RequestHandler: ChannelInboundHandler {
    public typealias InboundIn = RequestPart
    public typealias OutboundOut = ResponsePart

    let serving: Serving
    let transport: RequestReport.Transport
    /// Some of the limits, as NIO counts time: to convert them for each request costs more than to keep them.
    let times: (body: TimeAmount, overrun: TimeAmount, slow: TimeAmount?)
    private var traffic: LoopTraffic?
    private var context: ChannelHandlerContext?
    private var executor: LoopExecutor?
    private var requests: [StreamID: ActiveRequest] = [:]
    private var timer: DeadlineTimer?
    private var stall: DeadlineTimer?
    private var bufferedBytes = 0
    /// While a read is being handled, one flush at its end does for all answers.
    private var isReading = false
    private var needsFlush = false

    public init(_ serving: Serving, _ transport: RequestReport.Transport) {
        self.serving = serving
        self.transport = transport
        let limits = serving.limits
        times = (TimeAmount(limits.bodyTimeout), TimeAmount(limits.overrun), limits.slowRequest.map { TimeAmount($0) })
    }

    var isWritable: Bool { context?.channel.isWritable ?? false }

    public func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        executor = LoopExecutor(context.eventLoop)
        traffic = serving.traffic.part(of: context.eventLoop)
        // Both are stopped in `handlerRemoved`, which every handler lives to see.
        timer = DeadlineTimer(on: context.eventLoop) { [unowned self] in lookAtDeadlines() }
        stall = DeadlineTimer(on: context.eventLoop) { [unowned self] in closeIfStalled() }
    }

    public func handlerRemoved(context: ChannelHandlerContext) {
        detachAll()
        timer?.stop()
        stall?.stop()
        self.context = nil
    }

    public func channelInactive(context: ChannelHandlerContext) {
        detachAll()
        context.fireChannelInactive()
    }

    public func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        isReading = true
        switch unwrapInboundIn(data) {
        case .head(let id, let head): accept(id, head)
        case .body(let id, let bytes): read(id, bytes)
        case .end(let id): start(id)
        case .aborted(let id): abort(id)
        case .unreadable(let id, let problem):
            answer(id, serving.responder.refuse(problem), nil)
        }
    }

    public func channelReadComplete(context: ChannelHandlerContext) {
        isReading = false
        flushIfNeeded()
        context.fireChannelReadComplete()
    }

    public func channelWritabilityChanged(context: ChannelHandlerContext) {
        if context.channel.isWritable {
            stall?.deadline = nil
            for request in requests.values { request.resumeWaiters() }
        } else {
            watchForStall()
        }
        context.fireChannelWritabilityChanged()
    }

    public func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if let stop = event as? StopEvent, case .cancel = stop {
            for request in requests.values { request.cancel() }
        }
        context.fireUserInboundEventTriggered(event)
    }

    // MARK: A request's way

    private func accept(_ id: StreamID, _ head: RequestHead) {
        let exchange: Exchange
        switch serving.responder.accept(head) {
        case .answer(let response): return answer(id, response, head)
        case .exchange(let accepted): exchange = accepted
        }
        func refuse(_ problem: Problem) { answer(id, exchange.refuse(problem), head, exchange) }
        let length: Int?
        do { length = try head.contentLength() } catch { return refuse(error) }
        if let length, length > exchange.bodyLimit { return refuse(Problem(.bodyTooLarge)) }
        guard let traffic else { return }
        let request = ActiveRequest(
            id, exchange, head, declaredLength: length, handler: self, traffic: traffic)
        if requests.isEmpty { traffic.activeConnections += 1 }
        requests[id] = request
        arm(for: request)
        if let length { request.body.reserveCapacity(length) }
        if transport == .http { send(.goAhead(id)) }
    }

    /// Answers what does not become a request in flight.
    private func answer(_ id: StreamID, _ response: Response, _ head: RequestHead?, _ exchange: Exchange? = nil) {
        send(.response(id, response, sendsBody: head?.method != .head))
        var report = RequestReport(immediate: response, to: head, transport: transport)
        report.function = exchange?.function
        if let exchange { report.duration = exchange.timing.elapsed }
        ended(report)
    }

    private func read(_ id: StreamID, _ bytes: ByteBuffer) {
        guard let request = requests[id], case .reading = request.phase else { return }
        guard bytes.readableBytes <= request.exchange.bodyLimit - request.body.count else {
            return refuse(request, Problem(.bodyTooLarge))
        }
        request.receive(bytes)
        if let length = request.declaredLength, request.body.count > length {
            refuse(request, Problem(.malformedRequest, "The body is longer than Content-Length."))
        }
    }

    private func start(_ id: StreamID) {
        guard let request = requests[id], case .reading = request.phase, let context, let executor else { return }
        // A body that ends early is a caller that left in the middle of it (FastCGI 1.0 §6.2): nothing may come of it.
        if let length = request.declaredLength, request.body.count != length {
            return refuse(request, Problem(.incompleteBody))
        }
        // Only now, so that bodies sent slowly take no room from requests that could be answered.
        guard serving.gate.enter() else {
            return refuse(request, Problem(.overloaded, fields: [.retryAfter: "1"]))
        }
        request.start(on: context.eventLoop, executor, serving)
        arm(for: request)
    }

    private func abort(_ id: StreamID) {
        guard let request = requests[id] else { return }
        remove(request)
        ended(request.report(.left))
    }

    private func refuse(_ request: ActiveRequest, _ problem: Problem, _ ending: RequestReport.Ending = .complete) {
        let response = request.exchange.refuse(problem)
        finish(request, with: response, ending)
    }

    private func remove(_ request: ActiveRequest) {
        requests[request.id] = nil
        if requests.isEmpty { traffic?.activeConnections -= 1 }
        request.detach()
    }

    private func detachAll() {
        for request in requests.values {
            remove(request)
            ended(request.report(.left))
        }
    }

    private func ended(_ report: RequestReport) {
        traffic?.ended(report)
        serving.responder.ended(report)
        serving.onEnd?(report)
    }

    // MARK: Output

    func send(_ part: ResponsePart) {
        guard let context else { return }
        context.write(wrapOutboundOut(part), promise: nil)
        needsFlush = true
        if !isReading { flushIfNeeded() }
    }

    /// Sends all of a request's answer.
    func finish(_ request: ActiveRequest, with response: Response, _ ending: RequestReport.Ending = .complete) {
        remove(request)
        send(.response(request.id, response, sendsBody: request.sendsBody))
        ended(request.report(response, ending))
    }

    /// Sends the end of a request's streamed answer.
    func finish(
        _ request: ActiveRequest, _ ending: ResponsePart.Ending, because truncation: RequestReport.Ending = .broken
    ) {
        remove(request)
        send(.end(request.id, ending))
        ended(request.report(ending == .complete ? .complete : truncation))
    }

    private func flushIfNeeded() {
        guard needsFlush else { return }
        needsFlush = false
        context?.flush()
    }

    // MARK: Time

    private func arm(for request: ActiveRequest) {
        guard let timer else { return }
        timer.deadline = timer.deadline.map { min($0, request.due) } ?? request.due
    }

    private func lookAtDeadlines() {
        let now = NIODeadline.now()
        for request in requests.values where request.due <= now {
            if let slow = request.slow, slow <= now {
                request.slow = nil
                traffic?.becameSlow()
                serving.responder.isSlow(request.inFlight)
                guard request.due <= now else { continue }
            }
            switch request.phase {
            case .reading:
                refuse(request, Problem(.requestTimeout))
            case .answering where request.isCancelled:
                refuse(request, Problem(.deadlineExceeded), .abandoned)
            case .streaming where request.isCancelled:
                finish(request, .truncated, because: .abandoned)
            case .answering, .streaming:
                traffic?.passedDeadline()
                request.cancel()
            case .done: break
            }
        }
        for request in requests.values { arm(for: request) }
    }

    /// Remembers how much the peer has to take, to look again when it should have taken some of it.
    private func watchForStall() {
        guard let channel = context?.channel, channel.isActive else { return }
        bufferedBytes = channel.bufferedBytes
        stall?.deadline = .now() + TimeAmount(serving.limits.sendTimeout)
    }

    private func closeIfStalled() {
        guard let context, !context.channel.isWritable else { return }
        if context.channel.bufferedBytes < bufferedBytes { watchForStall() } else { context.close(promise: nil) }
    }
}
