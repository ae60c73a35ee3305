import FunctionCore
import HTTPTypes
import NIOCore

/// One accepted request between its head and the end of its response. Lives on its channel's event loop.
final class ActiveRequest {
    enum Phase {
        case reading
        /// Its task runs; nothing has been written.
        case answering
        /// A streamed body is under way. `left`, in bytes, when the length was declared.
        case streaming(left: Int?)
        case done
    }

    let id: StreamID
    let exchange: Exchange
    let head: RequestHead
    /// False for HEAD.
    var sendsBody: Bool { head.method != .head }
    let declaredLength: Int?
    let bodyDeadline: NIODeadline
    let deadline: NIODeadline
    /// Where a cancelled request that does not end is given up.
    let overrun: NIODeadline
    /// From when on it counts as slow; nil once that has been said, and when nobody wants to know.
    var slow: NIODeadline?
    var phase = Phase.reading
    var body: [UInt8] = []
    /// Where its loop keeps it; nil when it is not in flight.
    var slot: Int?
    /// What of an answer has been sent: its status, and bytes of its body.
    private var answered: (status: HTTPResponse.Status, problem: Problem?)?
    private var bytesReceived = 0
    private var bytesSent = 0
    private(set) var isCancelled = false
    private var task: Task<Void, Never>?
    private var waiters: [CheckedContinuation<Void, any Error>] = []
    /// nil once the caller is gone or has its answer: whatever the task still produces is dropped.
    private var handler: RequestHandler?
    /// Whoever counts it; told when its task has ended, however late.
    private let traffic: LoopTraffic
    private let transport: RequestReport.Transport

    init(
        _ id: StreamID, _ exchange: Exchange, _ head: RequestHead, declaredLength: Int?, handler: RequestHandler,
        traffic: LoopTraffic
    ) {
        let times = handler.times
        self.id = id
        self.exchange = exchange
        self.head = head
        self.declaredLength = declaredLength
        self.handler = handler
        self.traffic = traffic
        transport = handler.transport
        // One look at the clock; the responder has taken its own just before.
        let now = NIODeadline.now()
        deadline = now + TimeAmount(exchange.timing.started.duration(to: exchange.deadline))
        bodyDeadline = min(now + times.body, deadline)
        overrun = deadline + times.overrun
        slow = times.slow.map { now + $0 }
        traffic.add(self)
    }

    /// When the handler has to look at this request again.
    var due: NIODeadline {
        let due =
            switch phase {
            case .reading: bodyDeadline
            case .answering, .streaming, .done: isCancelled ? overrun : deadline
            }
        return slow.map { min($0, due) } ?? due
    }

    func receive(_ bytes: ByteBuffer) {
        body.append(contentsOf: bytes.readableBytesView)
        bytesReceived += bytes.readableBytes
    }

    /// Runs the function on this event loop, up to its first wait before this returns.
    ///
    /// - Parameter serving: its gate is left when the task ends, however late.
    func start(on loop: any EventLoop, _ executor: LoopExecutor, _ serving: Serving) {
        phase = .answering
        let (gate, responder) = (serving.gate, serving.responder)
        let bound = NIOLoopBound(self, eventLoop: loop)
        let (exchange, body) = (exchange, body)
        self.body = []
        let task = Task.immediate(executorPreference: executor) {
            let response = await exchange.respond(to: body)
            switch bound.value.begin(response) {
            case .sent: break
            case .stream(let produce):
                do {
                    try await produce(ChannelBodyWriter(request: bound, loop: loop))
                    bound.value.end(.complete)
                } catch {
                    bound.value.end(.truncated)
                }
            case .late: responder.endedLate(exchange, response)
            }
            bound.value.leave()
            gate.leave()
        }
        if case .done = phase { return }
        self.task = task
        if isCancelled { task.cancel() }
    }

    /// Tells the task to stop; its answer, if any, is still sent.
    func cancel() {
        isCancelled = true
        task?.cancel()
        resumeWaiters(throwing: CancellationError())
    }

    /// The caller is gone, or has its answer: drops what the task may still produce.
    func detach() {
        handler = nil
        if case .reading = phase { leave() }
        phase = .done
        cancel()
        task = nil
    }

    /// Is no longer in flight.
    private func leave() { traffic.remove(self) }

    private enum Beginning {
        /// That was all.
        case sent
        /// The body is to be produced.
        case stream(@Sendable (any BodyWriter) async throws -> Void)
        /// There is nobody to send it to any more.
        case late
    }

    /// Sends what of the response is there.
    private func begin(_ response: Response) -> Beginning {
        guard let handler, case .answering = phase else { return .late }
        guard case .stream(let length, let produce) = response.body, sendsBody, response.statusAllowsBody else {
            phase = .done
            handler.finish(self, with: response)
            return .sent
        }
        phase = .streaming(left: length)
        answered = (response.status, response.problem)
        handler.send(.head(id, response))
        return .stream(produce)
    }

    private func end(_ ending: ResponsePart.Ending) {
        guard let handler, case .streaming(let left) = phase else { return }
        phase = .done
        handler.finish(self, left ?? 0 == 0 ? ending : .truncated)
    }

    /// Sends a piece of the body.
    ///
    /// - Returns: whether the peer can take more at once.
    /// - Throws: `CancellationError` when the peer has gone or the request's time is over, ``BodyLengthError`` for more
    ///   bytes than were declared.
    func write(_ bytes: [UInt8]) throws -> Bool {
        guard let handler, case .streaming(let left) = phase, !isCancelled else { throw CancellationError() }
        guard !bytes.isEmpty else { return true }
        if let left {
            guard bytes.count <= left else { throw BodyLengthError() }
            phase = .streaming(left: left - bytes.count)
        }
        bytesSent += bytes.count
        handler.send(.body(id, ByteBuffer(bytes: bytes)))
        // Sending can fail at once and close the channel.
        guard self.handler != nil else { throw CancellationError() }
        return handler.isWritable
    }

    /// Resumes `waiter` when the peer can take more.
    func wait(_ waiter: CheckedContinuation<Void, any Error>) {
        guard let handler, !isCancelled else { return waiter.resume(throwing: CancellationError()) }
        if handler.isWritable { waiter.resume() } else { waiters.append(waiter) }
    }

    func resumeWaiters(throwing error: (any Error)? = nil) {
        let waiters = waiters
        self.waiters = []
        for waiter in waiters {
            if let error { waiter.resume(throwing: error) } else { waiter.resume() }
        }
    }
}

// MARK: What is told of it

extension ActiveRequest {
    /// What became of it when it was answered in one piece.
    func report(_ response: Response, _ ending: RequestReport.Ending = .complete) -> RequestReport {
        report(response.status, response.problem, bytes: response.bytes(for: head.method), ending)
    }

    /// What became of it when its answer ended early, or piece by piece.
    func report(_ ending: RequestReport.Ending) -> RequestReport {
        if let answered { return report(answered.status, answered.problem, bytes: bytesSent, ending) }
        let problem = Problem(.clientClosedRequest)
        return report(problem.kind.status, problem, bytes: 0, ending)
    }

    private func report(
        _ status: HTTPResponse.Status, _ problem: Problem?, bytes: Int, _ ending: RequestReport.Ending
    ) -> RequestReport {
        RequestReport(
            id: exchange.id.description, function: exchange.function, head: head, transport: transport, status: status,
            problem: problem, bytes: bytes, ending: ending, duration: exchange.timing.elapsed)
    }

    /// How far it has come.
    var inFlight: RequestInFlight {
        let stage: RequestInFlight.Stage =
            switch phase {
            case .reading: .reading
            case .answering: .running
            case .streaming: .writing
            case .done: .ending
            }
        return RequestInFlight(
            exchange, head, transport: transport, stage: stage, isCancelled: isCancelled, bytesReceived: bytesReceived,
            bytesSent: bytesSent)
    }
}

/// A streamed body's producer wrote more than it had declared.
struct BodyLengthError: Error {}
