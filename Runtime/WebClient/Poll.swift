import CCurl
import Glibc

/// epoll in libcurl's terms. Owns its descriptor; used on libcurl's thread only.
final class Poll {
    struct Ready {
        let descriptor: curl_socket_t
        /// CURL_CSELECT bits.
        let mask: Int32
    }

    private let descriptor: Int32
    private let wakeDescriptor: Int32
    private var events = [epoll_event](repeating: .init(), count: 64)

    /// - Parameter wakeDescriptor: ends a wait whenever it is written to; not owned.
    init(waking wakeDescriptor: Int32) throws(WebError.Code) {
        self.wakeDescriptor = wakeDescriptor
        descriptor = epoll_create1(Int32(EPOLL_CLOEXEC))
        guard descriptor >= 0 else { throw .failedInit }
        guard control(EPOLL_CTL_ADD, wakeDescriptor, EPOLLIN.rawValue | EPOLLET.rawValue) else { throw .failedInit }
    }

    deinit { close(descriptor) }

    /// Does what CURLMOPT_SOCKETFUNCTION asks: `what` is one of the CURL_POLL values.
    func watch(_ socket: curl_socket_t, for what: Int32) {
        if what == CURL_POLL_REMOVE {
            // A descriptor that is closed already has left the set by itself.
            _ = control(EPOLL_CTL_DEL, socket, 0)
            return
        }
        var wanted: UInt32 = 0
        if what & CURL_POLL_IN != 0 { wanted |= EPOLLIN.rawValue }
        if what & CURL_POLL_OUT != 0 { wanted |= EPOLLOUT.rawValue }
        // A number that libcurl closed and got again is new to epoll.
        if !control(EPOLL_CTL_MOD, socket, wanted) { _ = control(EPOLL_CTL_ADD, socket, wanted) }
    }

    /// Sleeps until a socket is ready, a wake-up, or `instant`; for ever when there is none.
    func wait(_ instant: ContinuousClock.Instant?) -> [Ready] {
        var milliseconds: Int32 = -1
        if let instant {
            let left = instant - .now
            milliseconds = left > .zero ? Int32(left.wholeMilliseconds) : 0
        }
        // -1 (EINTR) is no event.
        let count = epoll_wait(descriptor, &events, Int32(events.count), milliseconds)
        return events.prefix(max(0, Int(count))).compactMap { event in
            guard event.data.fd != wakeDescriptor else { return nil }
            var mask: Int32 = 0
            if event.events & EPOLLIN.rawValue != 0 { mask |= CURL_CSELECT_IN }
            if event.events & EPOLLOUT.rawValue != 0 { mask |= CURL_CSELECT_OUT }
            if event.events & (EPOLLERR.rawValue | EPOLLHUP.rawValue) != 0 { mask |= CURL_CSELECT_ERR }
            return Ready(descriptor: event.data.fd, mask: mask)
        }
    }

    private func control(_ operation: Int32, _ socket: Int32, _ events: UInt32) -> Bool {
        var event = epoll_event(events: events, data: epoll_data_t(fd: socket))
        return epoll_ctl(descriptor, operation, socket, &event) == 0
    }
}
