import CCurl

/// One multi handle of libcurl, driven through its socket and timer callbacks
/// (<https://curl.se/libcurl/c/libcurl-multi.html>, "multi_socket"). Used on libcurl's thread only, let go of too, inside ``ExitGate``.
final class MultiHandle {
    private let pointer: UnsafeMutableRawPointer
    /// Asked to watch a socket: CURLMOPT_SOCKETFUNCTION's socket and CURL_POLL value.
    private let watch: (MultiHandle, curl_socket_t, Int32) -> Void
    /// Transfers added and not yet removed.
    private(set) var count = 0
    /// When libcurl wants to be called even if no socket is ready.
    private(set) var timerDue: ContinuousClock.Instant?

    /// - Parameter connections: kept when there are no more than that, those in use included.
    init(
        connections: Int, watch: @escaping (MultiHandle, curl_socket_t, Int32) -> Void
    ) throws(WebError.Code) {
        guard let pointer = curl_multi_init() else { throw .failedInit }
        self.pointer = pointer
        self.watch = watch
        // Unretained: libcurl calls back only out of calls that this object makes.
        let this = Unmanaged.passUnretained(self).toOpaque()
        // These fail only for an unknown option or handle.
        shim_multi_set_long(pointer, CURLMOPT_MAXCONNECTS, connections)
        shim_multi_set_pointer(pointer, CURLMOPT_SOCKETDATA, this)
        shim_multi_set_pointer(pointer, CURLMOPT_TIMERDATA, this)
        shim_multi_set_socket(pointer) { _, descriptor, what, this, _ in
            guard let this else { return -1 }
            let handle = Unmanaged<MultiHandle>.fromOpaque(this).takeUnretainedValue()
            handle.watch(handle, descriptor, what)
            return 0
        }
        shim_multi_set_timer(pointer) { _, milliseconds, this in
            guard let this else { return -1 }
            let handle = Unmanaged<MultiHandle>.fromOpaque(this).takeUnretainedValue()
            handle.timerDue = milliseconds < 0 ? nil : .now + .milliseconds(milliseconds)
            return 0
        }
    }

    /// Closes its connections. Nothing may be under way.
    deinit {
        // Newer libcurls tell even now of the connections that they close.
        shim_multi_set_socket(pointer, nil)
        shim_multi_set_timer(pointer, nil)
        curl_multi_cleanup(pointer)
    }

    func add(_ transfer: Transfer) throws(WebError.Code) {
        guard curl_multi_add_handle(pointer, transfer.easy) == CURLM_OK else { throw .failedInit }
        count += 1
    }

    func remove(_ transfer: Transfer) {
        curl_multi_remove_handle(pointer, transfer.easy)
        count -= 1
    }

    /// Lets libcurl work on a socket that is ready.
    func act(on socket: curl_socket_t, _ mask: Int32) {
        // Written to without a look whether it is null, and of no use: `takeFinished` says what has ended.
        var running: Int32 = 0
        curl_multi_socket_action(pointer, socket, mask, &running)
    }

    /// Lets libcurl work on its timers, when they are due.
    func actOnTimer(now: ContinuousClock.Instant) {
        guard let timerDue, timerDue <= now else { return }
        self.timerDue = nil
        act(on: Self.timeout, 0)
    }

    /// CURL_SOCKET_TIMEOUT, a macro with a cast, which Swift does not import.
    private static let timeout: curl_socket_t = -1

    /// The next transfer that libcurl is done with, still to be removed; nil when there is none.
    func takeFinished() -> (transfer: Transfer, result: CURLcode)? {
        var left: Int32 = 0
        while let message = curl_multi_info_read(pointer, &left) {
            guard message.pointee.msg == CURLMSG_DONE, let easy = message.pointee.easy_handle,
                let transfer = shim_easy_get_private(easy)
            else { continue }
            // The message is gone once its handle is removed.
            return (Unmanaged<Transfer>.fromOpaque(transfer).takeUnretainedValue(), message.pointee.data.result)
        }
        return nil
    }
}
