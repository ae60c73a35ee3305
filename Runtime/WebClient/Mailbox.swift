import CCurl
import Glibc
import HTTPTypes
import Synchronization

/// Names one transfer on every thread, and remembers that it was cancelled, even before it has begun.
final class Ticket: Sendable {
    private let cancelled = Atomic(false)

    var isCancelled: Bool { cancelled.load(ordering: .acquiring) }
    func cancel() { cancelled.store(true, ordering: .releasing) }
}

/// One request on its way to libcurl's thread, and where its answer goes.
struct Job: Sendable {
    let request: WebRequest
    let ticket: Ticket
    let outlet: Outlet

    /// Each continuation is resumed exactly once, by ``Transfer`` or, when none came to be, by ``fail(_:)``.
    enum Outlet: Sendable {
        case whole(CheckedContinuation<Result<WebResponse, WebError>, Never>)
        case stream(CheckedContinuation<Result<WebResponse, WebError>, Never>, BodyPipe)
    }

    /// Answers a job for which no transfer began.
    func fail(_ kind: WebError.Kind) {
        let error = WebError(kind, url: request.url)
        switch outlet {
        case .whole(let continuation): continuation.resume(returning: .failure(error))
        case .stream(let continuation, _): continuation.resume(returning: .failure(error))
        }
    }
}

/// How other threads speak to libcurl's thread. Owns the eventfd that wakes it.
final class Mailbox: Sendable {
    enum Letter: Sendable {
        case start(Job)
        case cancel(Ticket)
        /// The consumer of a paused stream has room again.
        case resume(Ticket)
        case shutDown
    }

    private struct State {
        var letters: [Letter] = []
        var isOpen = true
        /// The reader has found nothing and is about to wait, or waits.
        var isAsleep = false
        var closeWaiters: [CheckedContinuation<Void, Never>] = []
    }

    private let state = Mutex(State())

    /// Readable, edge-triggered, when letters came while the reader slept; so it need not be read.
    let wakeDescriptor: Int32

    init() throws(WebError.Code) {
        wakeDescriptor = eventfd(0, Int32(EFD_CLOEXEC | EFD_NONBLOCK))
        guard wakeDescriptor >= 0 else { throw .failedInit }
    }

    deinit { close(wakeDescriptor) }

    /// - Returns: false when the thread has ended, and nobody will read the letter.
    @discardableResult
    func post(_ letter: Letter) -> Bool {
        state.withLock { state in
            guard state.isOpen else { return false }
            state.letters.append(letter)
            if state.isAsleep {
                state.isAsleep = false
                // Fails only when the counter would pass 2^64 - 2.
                _ = eventfd_write(wakeDescriptor, 1)
            }
            return true
        }
    }

    func start(_ job: Job) {
        if !post(.start(job)) { job.fail(.cancelled) }
    }

    func cancel(_ ticket: Ticket) {
        ticket.cancel()
        post(.cancel(ticket))
    }

    /// Whether the reader may sleep: there are no letters, and the next one will wake it.
    func maySleep() -> Bool {
        state.withLock { state in
            state.isAsleep = state.letters.isEmpty
            return state.isAsleep
        }
    }

    /// Letters in the order posted.
    func take() -> [Letter] {
        state.withLock { state in
            state.isAsleep = false
            defer { state.letters = [] }
            return state.letters
        }
    }

    /// Refuses letters from now on, fails jobs among those unread, and lets ``waitUntilClosed()`` return.
    func closeForGood() {
        let (letters, waiters) = state.withLock { state in
            defer { state = State(isOpen: false) }
            return (state.letters, state.closeWaiters)
        }
        for case .start(let job) in letters { job.fail(.cancelled) }
        for waiter in waiters { waiter.resume() }
    }

    func waitUntilClosed() async {
        await withCheckedContinuation { continuation in
            let isOpen = state.withLock { state in
                if state.isOpen { state.closeWaiters.append(continuation) }
                return state.isOpen
            }
            if !isOpen { continuation.resume() }
        }
    }
}
