import Synchronization

/// Carries a streamed body from libcurl's thread to one consumer, holding a bounded number of bytes between them.
final class BodyPipe: Sendable {
    typealias Chunk = Result<[UInt8]?, WebError>

    private struct State {
        var held: [UInt8] = []
        var waiter: CheckedContinuation<Chunk, Never>?
        /// What to say when `held` is empty: nil while the transfer runs.
        var end: Chunk?
        /// The last push was refused, and the transfer waits to be resumed.
        var isPaused = false
    }

    private let state = Mutex(State())
    private let capacity: Int

    /// - Parameter capacity: bytes held before a push is refused.
    init(capacity: Int) { self.capacity = capacity }

    /// Whether the last byte, or a failure, has arrived.
    var isFinished: Bool { state.withLock { $0.end != nil } }

    /// Takes bytes from libcurl's thread.
    /// - Returns: false when there is no room; nothing was taken, and the transfer is to be paused.
    func push(_ bytes: UnsafeRawBufferPointer) -> Bool {
        let chunk = Array(bytes)
        let (isTaken, waiter) = state.withLock { state -> (Bool, CheckedContinuation<Chunk, Never>?) in
            if let waiter = state.waiter.take() { return (true, waiter) }
            guard state.held.count < capacity else {
                state.isPaused = true
                return (false, nil)
            }
            state.held += chunk
            return (true, nil)
        }
        waiter?.resume(returning: .success(chunk))
        return isTaken
    }

    /// Says that no more will come. What is held is still given out, unless the consumer itself gave up.
    func finish(_ error: WebError?) {
        let end: Chunk = error.map { .failure($0) } ?? .success(nil)
        let waiter = state.withLock { state in
            state.end = end
            if error?.kind == .cancelled { state.held = [] }
            return state.waiter.take()
        }
        waiter?.resume(returning: end)
    }

    /// The next bytes, everything held; nil after the last.
    /// - Parameter resume: called when room was made in a paused transfer.
    func next(resume: @Sendable () -> Void) async -> Chunk {
        await withCheckedContinuation { continuation in
            var mustResume = false
            let answer: Chunk? = state.withLock { state in
                if !state.held.isEmpty {
                    let held = state.held
                    state.held = []
                    mustResume = state.isPaused
                    state.isPaused = false
                    return .success(held)
                }
                if let end = state.end { return end }
                precondition(state.waiter == nil, "a body has one consumer")
                state.waiter = continuation
                return nil
            }
            if mustResume { resume() }
            if let answer { continuation.resume(returning: answer) }
        }
    }
}

/// The consumer's end of a pipe. When nobody holds it any more, the transfer is cancelled.
final class BodyReader: Sendable {
    private let pipe: BodyPipe
    private let ticket: Ticket
    private let mailbox: Mailbox

    init(pipe: BodyPipe, ticket: Ticket, mailbox: Mailbox) {
        self.pipe = pipe
        self.ticket = ticket
        self.mailbox = mailbox
    }

    deinit { stop() }

    func next() async throws(WebError) -> [UInt8]? {
        let chunk = await withTaskCancellationHandler {
            await pipe.next { mailbox.post(.resume(ticket)) }
        } onCancel: {
            stop()
        }
        return try chunk.get()
    }

    /// Ends the transfer if it is still running.
    func stop() {
        if !pipe.isFinished { mailbox.cancel(ticket) }
    }
}
