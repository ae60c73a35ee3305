import CCurl
import Glibc
import Logging

/// libcurl's thread: its multi handles, driven by one epoll. Made by the thread that needs it first, then handed over:
/// from then on nothing here is touched by any other thread. Others write to its ``Mailbox``.
///
/// A transfer looks through all connections of its multi handle for one to reuse, and at 10,000 transfers that is most
/// of what they cost. So a handle takes a limited number, and another is made for more.
final class TransferLoop {
    private let configuration: WebClient.Configuration
    private let counters: TransferCounters
    private let logger: Logger
    private let mailbox: Mailbox
    private let poll: Poll
    /// The first ones are filled first, so that their connections are the ones reused.
    private var handles: [MultiHandle] = []
    /// By socket, whose it is.
    private var owners: [curl_socket_t: MultiHandle] = [:]
    private var transfers: [ObjectIdentifier: (transfer: Transfer, handle: MultiHandle)] = [:]
    private var isShuttingDown = false

    /// Begins the thread.
    /// - Throws: `.failedInit` when libcurl, a descriptor or a thread cannot be had.
    static func begin(
        _ configuration: WebClient.Configuration, _ counters: TransferCounters, _ logger: Logger
    ) throws(WebError.Code) -> Mailbox {
        guard Self.globalInit == CURLE_OK else { throw .init(Self.globalInit) }
        let mailbox = try Mailbox()
        var loop: TransferLoop? = try TransferLoop(mailbox, configuration, counters, logger)
        try Thread.begin {
            loop?.run()
            // Connections are closed here, so that whoever waits for the mailbox waits for that too.
            loop = nil
            mailbox.closeForGood()
        }
        return mailbox
    }

    /// Once a process; thread-safe in this libcurl, and by `static let` in any.
    private static let globalInit: CURLcode = {
        defer { ExitGate.install() }
        return curl_global_init(Int(CURL_GLOBAL_DEFAULT))
    }()

    private init(
        _ mailbox: Mailbox, _ configuration: WebClient.Configuration, _ counters: TransferCounters, _ logger: Logger
    ) throws(WebError.Code) {
        self.configuration = configuration
        self.counters = counters
        self.logger = logger
        self.mailbox = mailbox
        poll = try Poll(waking: mailbox.wakeDescriptor)
        handles = [try makeHandle()]
    }

    deinit {
        ExitGate.pass { handles = [] }
    }

    private func makeHandle() throws(WebError.Code) -> MultiHandle {
        try MultiHandle(connections: configuration.transfersPerHandle) { [unowned self] handle, socket, what in
            // Its number may have become another's since.
            guard what != CURL_POLL_REMOVE || owners[socket] === handle else { return }
            owners[socket] = what == CURL_POLL_REMOVE ? nil : handle
            poll.watch(socket, for: what)
        }
    }

    /// Runs until told to shut down.
    private func run() {
        while !isShuttingDown {
            let due = handles.lazy.compactMap(\.timerDue).min()
            let ready = poll.wait(mailbox.maySleep() ? due : .now)
            ExitGate.pass {
                mailbox.take().forEach(open)
                for socket in ready { owners[socket.descriptor]?.act(on: socket.descriptor, socket.mask) }
                let now = ContinuousClock.now
                for handle in handles {
                    handle.actOnTimer(now: now)
                    while let (transfer, result) = handle.takeFinished() { finish(transfer, result) }
                }
                dropIdleHandle()
            }
        }
        ExitGate.pass {
            for transfer in transfers.values { abandon(transfer.transfer) }
        }
    }

    /// Lets go of the last handle, with its idle connections, when those before it have room enough.
    private func dropIdleHandle() {
        guard handles.count > 1, handles[handles.count - 1].count == 0,
            handles[handles.count - 2].count <= configuration.transfersPerHandle / 2
        else { return }
        handles.removeLast()
    }

    private func open(_ letter: Mailbox.Letter) {
        switch letter {
        case .start(let job): start(job)
        case .cancel(let ticket): transfers[ObjectIdentifier(ticket)].map { abandon($0.transfer) }
        case .resume(let ticket): transfers[ObjectIdentifier(ticket)].map { resume($0.transfer) }
        case .shutDown: isShuttingDown = true
        }
    }

    private func start(_ job: Job) {
        guard !job.ticket.isCancelled else { return job.fail(.cancelled) }
        guard transfers.count < configuration.maximumTransfers else { return job.fail(.other(.noConnectionAvailable)) }
        do throws(WebError.Code) {
            let transfer = try Transfer(job, configuration)
            let handle = try handleWithRoom()
            try handle.add(transfer)
            transfers[ObjectIdentifier(job.ticket)] = (transfer, handle)
            counters.began()
        } catch {
            job.fail(error == .operationTimedOut ? .timeout : .other(error))
        }
    }

    /// Goes on with a paused stream. libcurl may call back from within, and then fail.
    private func resume(_ transfer: Transfer) {
        let result = curl_easy_pause(transfer.easy, Int32(CURLPAUSE_CONT))
        if result != CURLE_OK { finish(transfer, result) }
    }

    private func handleWithRoom() throws(WebError.Code) -> MultiHandle {
        if let handle = handles.first(where: { $0.count < configuration.transfersPerHandle }) { return handle }
        let handle = try makeHandle()
        handles.append(handle)
        return handle
    }

    private func finish(_ transfer: Transfer, _ result: CURLcode) {
        remove(transfer)
        let error = transfer.finish(result)
        counters.ended(failed: error != nil)
        if let error {
            logger.debug("web request failed", metadata: ["error": "\(error.debugDescription)"])
        }
    }

    /// Closes the transfer's connection, then answers with `.cancelled`.
    private func abandon(_ transfer: Transfer) {
        remove(transfer)
        counters.ended(failed: true)
        transfer.fail(WebError(.cancelled, url: transfer.job.request.url))
    }

    private func remove(_ transfer: Transfer) {
        transfers.removeValue(forKey: ObjectIdentifier(transfer.job.ticket))?.handle.remove(transfer)
    }
}
