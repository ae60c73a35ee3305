import FunctionCore
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
    /// False for HEAD.
    let sendsBody: Bool
    let declaredLength: Int?
    let bodyDeadline: NIODeadline
    let deadline: NIODeadline
    /// Where a cancelled request that does not end is given up.
    let overrun: NIODeadline
    var phase = Phase.reading
    var body: [UInt8] = []
    private(set) var isCancelled = false
    private var task: Task<Void, Never>?
    private var waiters: [CheckedContinuation<Void, any Error>] = []
    /// nil once the caller is gone or has its answer: whatever the task still produces is dropped.
    private var handler: RequestHandler?

    init(_ id: StreamID, _ exchange: Exchange, _ head: RequestHead, declaredLength: Int?, handler: RequestHandler) {
        let limits = handler.serving.limits
        self.id = id
        self.exchange = exchange
        self.declaredLength = declaredLength
        self.handler = handler
        sendsBody = head.method != .head
        deadline = NIODeadline(exchange.deadline)
        bodyDeadline = min(.now() + TimeAmount(limits.bodyTimeout), deadline)
        overrun = deadline + TimeAmount(limits.overrun)
    }

    /// When the handler has to look at this request again.
    var due: NIODeadline {
        switch phase {
        case .reading: bodyDeadline
        case .answering, .streaming, .done: isCancelled ? overrun : deadline
        }
    }

    /// Runs the function on this event loop, up to its first wait before this returns.
    ///
    /// - Parameter gate: left when the task ends, however late.
    func start(on loop: any EventLoop, _ executor: LoopExecutor, _ gate: Gate) {
        phase = .answering
        let bound = NIOLoopBound(self, eventLoop: loop)
        let (exchange, body) = (exchange, body)
        self.body = []
        let task = Task.immediate(executorPreference: executor) {
            let response = await exchange.respond(to: body)
            if let produce = bound.value.begin(response) {
                do {
                    try await produce(ChannelBodyWriter(request: bound, loop: loop))
                    bound.value.end(.complete)
                } catch {
                    bound.value.end(.truncated)
                }
            }
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
        phase = .done
        cancel()
        task = nil
    }

    /// Sends what of the response is there.
    ///
    /// - Returns: what produces the rest, if there is a rest and anybody to send it to.
    private func begin(_ response: Response) -> (@Sendable (any BodyWriter) async throws -> Void)? {
        guard let handler, case .answering = phase else { return nil }
        guard case .stream(let length, let produce) = response.body, sendsBody, response.statusAllowsBody else {
            phase = .done
            handler.finish(self, with: .response(id, response, sendsBody: sendsBody))
            return nil
        }
        phase = .streaming(left: length)
        handler.send(.head(id, response))
        return produce
    }

    private func end(_ ending: ResponsePart.Ending) {
        guard let handler, case .streaming(let left) = phase else { return }
        phase = .done
        handler.finish(self, with: .end(id, left ?? 0 == 0 ? ending : .truncated))
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

/// A streamed body's producer wrote more than it had declared.
struct BodyLengthError: Error {}
