import Glibc

/// SIGINT and SIGTERM as values. Two static calls, since a signal mask belongs to the process.
public enum Signals {
    private static func endSignals() -> sigset_t {
        var set = sigset_t()
        sigemptyset(&set)
        sigaddset(&set, SIGINT)
        sigaddset(&set, SIGTERM)
        sigaddset(&set, SIGHUP)
        return set
    }

    /// Holds the signals that ask a process to end back for ``receive(_:)``. To be called while the process has one
    /// thread: later threads inherit the mask, and none of them is then interrupted.
    public static func hold() {
        var set = endSignals()
        pthread_sigmask(SIG_BLOCK, &set, nil)
        signal(SIGPIPE, SIG_IGN)
    }

    /// Gives every held signal to `body`, one at a time, on the calling thread, for ever.
    public static func receive(_ body: (Int32) -> Void) -> Never {
        var set = endSignals()
        while true {
            var received: Int32 = 0
            if sigwait(&set, &received) == 0 { body(received) }
        }
    }
}
