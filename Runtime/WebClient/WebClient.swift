import HTTPTypes
import Logging
import Synchronization

/// An HTTP client on libcurl: connections are reused, redirects are not followed, proxy settings of the environment are
/// ignored, TLS is verified, and everything has a bound in bytes and a deadline.
///
/// One client owns one thread, begun with the first request, on which libcurl does all its work; callers only suspend.
/// Letting go of the client ends that thread, and ``shutdown()`` waits for it. A process may exit without either.
public final class WebClient: Sendable {
    private enum Life {
        case idle
        case running(Mailbox)
        case over
    }

    private let configuration: Configuration
    private let logger: Logger
    private let life = Mutex(Life.idle)
    private let counters = TransferCounters()

    public init(_ configuration: Configuration = .init(), logger: Logger) {
        self.configuration = configuration
        self.logger = logger
    }

    public var statistics: Statistics { counters.current }

    deinit {
        if case .running(let mailbox) = life.withLock({ $0 }) { mailbox.post(.shutDown) }
    }

    /// Sends `request` and returns the answer with its body whole. An error status is an answer and does not throw.
    ///
    /// Cancelling the task closes the connection, then throws. libcurl sends a request a second time on a fresh
    /// connection when a reused one turns out to have been closed before any byte of an answer, as browsers do.
    /// - Throws: ``WebError``; see ``WebError/Kind`` for what may have been sent by then.
    public func send(_ request: WebRequest) async throws(WebError) -> WebResponse {
        let mailbox = try mailbox(for: request)
        let ticket = Ticket()
        let result = await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                mailbox.start(Job(request: request, ticket: ticket, outlet: .whole(continuation)))
            }
        } onCancel: {
            mailbox.cancel(ticket)
        }
        return try result.get()
    }

    /// Sends `request` and returns when the head of the answer is there; the body follows as it arrives.
    ///
    /// The transfer is paused while the consumer is slow, and ended when ``WebStream/body`` is let go of. The deadline
    /// and the response limit hold to the last byte. Streams use HTTP/1.1, where a paused body is a full socket and
    /// nothing else; on a shared HTTP/2 connection it would be memory.
    /// - Throws: ``WebError`` until the head is there; later failures are thrown by the body.
    public func stream(_ request: WebRequest) async throws(WebError) -> WebStream {
        let mailbox = try mailbox(for: request)
        let ticket = Ticket()
        let pipe = BodyPipe(capacity: configuration.streamBuffer)
        let result = await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                mailbox.start(Job(request: request, ticket: ticket, outlet: .stream(continuation, pipe)))
            }
        } onCancel: {
            mailbox.cancel(ticket)
        }
        let head = try result.get()
        let reader = BodyReader(pipe: pipe, ticket: ticket, mailbox: mailbox)
        return WebStream(status: head.status, fields: head.fields, body: .init(reader: reader))
    }

    /// Ends the client: what is in flight fails with `.cancelled`, connections are closed, the thread ends. Returns
    /// when that is done. Later requests fail with `.cancelled`; a second call does nothing.
    public func shutdown() async {
        let running: Mailbox? = life.withLock { life in
            defer { life = .over }
            if case .running(let mailbox) = life { return mailbox }
            return nil
        }
        guard let running else { return }
        running.post(.shutDown)
        await running.waitUntilClosed()
    }

    /// The thread's mailbox; begins the thread at the first request.
    private func mailbox(for request: WebRequest) throws(WebError) -> Mailbox {
        let result: Result<Mailbox, WebError> = life.withLock { life in
            switch life {
            case .running(let mailbox):
                return .success(mailbox)
            case .over:
                return .failure(WebError(.cancelled, url: request.url))
            case .idle:
                do throws(WebError.Code) {
                    let mailbox = try TransferLoop.begin(configuration, counters, logger)
                    life = .running(mailbox)
                    return .success(mailbox)
                } catch {
                    logger.error("web client cannot start", metadata: ["error": "\(error)"])
                    return .failure(WebError(.other(error), url: request.url))
                }
            }
        }
        return try result.get()
    }
}
