import CPostgres
import Glibc

/// Wakes a thread that waits in `poll`: an eventfd that any thread may signal and that the waiting one clears.
final class WakeUp: Sendable {
    let descriptor: Int32

    init() {
        descriptor = cpostgres_eventfd()
        precondition(descriptor >= 0, "eventfd: errno \(errno)")
    }

    deinit {
        close(descriptor)
    }

    func signal() {
        eventfd_write(descriptor, 1)
    }

    /// Blocks until it has been signalled.
    func wait() {
        var descriptors = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        poll(&descriptors, 1, -1)
        clear()
    }

    func clear() {
        var count: eventfd_t = 0
        _ = eventfd_read(descriptor, &count)
    }
}
