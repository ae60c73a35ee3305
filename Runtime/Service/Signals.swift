import Glibc
import Synchronization

/// Where the signal handler writes; -1 while nobody listens.
private let signalPipe = Atomic<CInt>(-1)

/// The signals that stop a server, as bytes on a pipe. A handler may do next to nothing (signal-safety(7)), and one
/// byte on a pipe is enough. Handlers, unlike ignored signals, do not pass on to programs that we start.
final class Signals {
    static let stopping = [SIGTERM, SIGINT, SIGQUIT]

    /// The reading end; one byte for each signal.
    let descriptor: CInt
    private let writingEnd: CInt
    private let previous: [(signal: CInt, handler: sighandler_t?)]

    /// Installs the handlers. One at a time in a process.
    ///
    /// - Throws: ``ServerError/system(call:on:errno:)``.
    init() throws(ServerError) {
        var ends: [CInt] = [-1, -1]
        guard pipe(&ends) == 0 else { throw .system(call: "pipe", on: "signals", errno: errno) }
        // A handler must never wait, not even when nobody reads: a byte that finds no room is one of many.
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        _ = fcntl(ends[1], F_SETFL, O_NONBLOCK)
        descriptor = ends[0]
        writingEnd = ends[1]
        signalPipe.store(ends[1], ordering: .sequentiallyConsistent)
        previous = Self.stopping.map { number in
            let handler = signal(number) { received in
                let before = errno
                var byte = UInt8(truncatingIfNeeded: received)
                _ = write(signalPipe.load(ordering: .sequentiallyConsistent), &byte, 1)
                errno = before
            }
            return (number, handler)
        }
    }

    /// Puts back what was before. The reading end is its reader's to close.
    func restore() {
        for (number, handler) in previous { _ = signal(number, handler) }
        signalPipe.store(-1, ordering: .sequentiallyConsistent)
        close(writingEnd)
    }
}
