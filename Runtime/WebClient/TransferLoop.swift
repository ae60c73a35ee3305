import CCurl
import Glibc
import Logging

/// libcurl's thread: one multi handle, driven by epoll through libcurl's socket and timer callbacks
/// (<https://curl.se/libcurl/c/libcurl-multi.html>, "multi_socket"). Made by the thread that needs it first, then
/// handed over: from then on nothing here is touched by any other thread. Others write to its ``Mailbox``.
final class TransferLoop {
    private let configuration: WebClient.Configuration
    private let counters: TransferCounters
    private let logger: Logger
    private let mailbox: Mailbox
    private let multi: UnsafeMutableRawPointer
    private let poll: Poll
    private var transfers: [ObjectIdentifier: Transfer] = [:]
    /// When libcurl wants to be called even if no socket is ready.
    private var timerDue: ContinuousClock.Instant?
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
        guard let multi = curl_multi_init() else { throw .failedInit }
        self.multi = multi
        setCallbacks()
    }

    deinit {
        ExitGate.pass { _ = curl_multi_cleanup(multi) }
    }

    private func setCallbacks() {
        // Unretained: libcurl calls back only out of calls that this object makes.
        let this = Unmanaged.passUnretained(self).toOpaque()
        // These fail only for an unknown option or handle.
        shim_multi_set_long(multi, CURLMOPT_MAXCONNECTS, configuration.maximumIdleConnections)
        shim_multi_set_pointer(multi, CURLMOPT_SOCKETDATA, this)
        shim_multi_set_pointer(multi, CURLMOPT_TIMERDATA, this)
        shim_multi_set_socket(multi) { _, descriptor, what, this, _ in
            guard let this else { return -1 }
            Unmanaged<TransferLoop>.fromOpaque(this).takeUnretainedValue().poll.watch(descriptor, for: what)
            return 0
        }
        shim_multi_set_timer(multi) { _, milliseconds, this in
            guard let this else { return -1 }
            let loop = Unmanaged<TransferLoop>.fromOpaque(this).takeUnretainedValue()
            loop.timerDue = milliseconds < 0 ? nil : .now + .milliseconds(milliseconds)
            return 0
        }
    }

    /// Runs until told to shut down.
    private func run() {
        while !isShuttingDown {
            let ready = poll.wait(mailbox.maySleep() ? timerDue : .now)
            ExitGate.pass {
                mailbox.take().forEach(open)
                for socket in ready { act(socket.descriptor, socket.mask) }
                if let timerDue, timerDue <= .now {
                    self.timerDue = nil
                    act(Self.socketTimeout, 0)
                }
                reap()
            }
        }
        ExitGate.pass {
            for transfer in transfers.values { abandon(transfer) }
        }
    }

    /// Lets libcurl work on a socket that is ready, or on its timers.
    private func act(_ socket: curl_socket_t, _ mask: Int32) {
        // Written to without a look whether it is null, and of no use: `reap` says what has ended.
        var running: Int32 = 0
        curl_multi_socket_action(multi, socket, mask, &running)
    }

    /// CURL_SOCKET_TIMEOUT, a macro with a cast, which Swift does not import.
    private static let socketTimeout: curl_socket_t = -1

    private func open(_ letter: Mailbox.Letter) {
        switch letter {
        case .start(let job): start(job)
        case .cancel(let ticket): transfers[ObjectIdentifier(ticket)].map(abandon)
        case .resume(let ticket): transfers[ObjectIdentifier(ticket)].map(resume)
        case .shutDown: isShuttingDown = true
        }
    }

    private func start(_ job: Job) {
        guard !job.ticket.isCancelled else { return job.fail(.cancelled) }
        guard transfers.count < configuration.maximumTransfers else { return job.fail(.other(.noConnectionAvailable)) }
        do throws(WebError.Code) {
            let transfer = try Transfer(job, configuration)
            guard curl_multi_add_handle(multi, transfer.easy) == CURLM_OK else { throw .failedInit }
            transfers[ObjectIdentifier(job.ticket)] = transfer
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

    /// Answers transfers that libcurl is done with.
    private func reap() {
        var left: Int32 = 0
        while let message = curl_multi_info_read(multi, &left) {
            guard message.pointee.msg == CURLMSG_DONE, let easy = message.pointee.easy_handle,
                let pointer = shim_easy_get_private(easy)
            else { continue }
            // The message is gone once its handle is removed.
            let result = message.pointee.data.result
            finish(Unmanaged<Transfer>.fromOpaque(pointer).takeUnretainedValue(), result)
        }
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
        curl_multi_remove_handle(multi, transfer.easy)
        transfers[ObjectIdentifier(transfer.job.ticket)] = nil
    }
}
