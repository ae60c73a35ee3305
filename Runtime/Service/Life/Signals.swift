import Glibc
import Synchronization

/// Where the signal handler writes; -1 while nobody listens.
private let signalPipe = Atomic<CInt>(-1)

/// The signals that a server heeds, as bytes on a pipe: each byte is a signal's number. A handler may do next to nothing
/// (signal-safety(7)), and one byte on a pipe is enough. The pipe outlives a reload, so that no signal is lost in one.
final class Signals: Sendable {
    static let stopping = [SIGTERM, SIGINT, SIGQUIT]
    static let reloading = [SIGHUP, SIGUSR2]
    /// Asks for the access log to be opened again. Heeded with or without one, since it would end the process otherwise.
    static let reopening = [SIGUSR1]
    let readingEnd: CInt
    let writingEnd: CInt
    private let previous: [(signal: CInt, handler: sighandler_t?)]

    /// Installs the handlers. One at a time in a process.
    ///
    /// - Parameter pipe: one that a former program of this process has read, with what it left in it.
    /// - Throws: ``ServerError/system(call:on:errno:)``.
    init(_ heeded: [CInt], continuing pipe: (reading: CInt, writing: CInt)? = nil) throws(ServerError) {
        if let pipe {
            (readingEnd, writingEnd) = pipe
        } else {
            (readingEnd, writingEnd) = try Self.makePipe()
        }
        for end in [readingEnd, writingEnd] { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        signalPipe.store(writingEnd, ordering: .sequentiallyConsistent)
        previous = heeded.map { number in
            let handler = signal(number) { received in
                let before = errno
                var byte = UInt8(truncatingIfNeeded: received)
                _ = write(signalPipe.load(ordering: .sequentiallyConsistent), &byte, 1)
                errno = before
            }
            return (number, handler)
        }
    }

    private static func makePipe() throws(ServerError) -> (reading: CInt, writing: CInt) {
        var ends: [CInt] = [-1, -1]
        guard pipe(&ends) == 0 else { throw .system(call: "pipe", on: "signals", errno: errno) }
        // A handler must never wait, not even when nobody reads: a byte that finds no room is one of many.
        _ = fcntl(ends[1], F_SETFL, O_NONBLOCK)
        return (ends[0], ends[1])
    }

    /// Puts back what was before, and closes the pipe.
    func restore() {
        for (number, handler) in previous { _ = signal(number, handler) }
        signalPipe.store(-1, ordering: .sequentiallyConsistent)
        close(writingEnd)
        close(readingEnd)
    }

    /// Leaves what was asked for too late to the program that reads the pipe next.
    func `repeat`(_ wishes: Server.Wishes) {
        for number in (wishes.stops > 0 ? [SIGTERM] : []) + (wishes.reload ? [SIGHUP] : []) {
            var byte = UInt8(truncatingIfNeeded: number)
            _ = write(writingEnd, &byte, 1)
        }
    }

    /// Keeps every signal waiting in the kernel, on this thread and in the program that it may become.
    static func hold() {
        var all = sigset_t()
        sigfillset(&all)
        pthread_sigmask(SIG_SETMASK, &all, nil)
    }

    /// Lets those come that ``hold()`` kept waiting.
    static func letCome() {
        var none = sigset_t()
        sigemptyset(&none)
        pthread_sigmask(SIG_SETMASK, &none, nil)
    }

    /// Has this process overlook them, as one does where they are another process's to heed.
    static func ignore(_ signals: [CInt]) {
        for number in signals { _ = signal(number, SIG_IGN) }
    }
}
