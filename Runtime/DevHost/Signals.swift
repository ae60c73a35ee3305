import Glibc

/// Signals as values, by way of a pipe (the self-pipe of select(2)). Static, since a process has its signals but once.
public enum Signals {
    /// Where handlers write what came. A fixed number, so that a handler needs no variable, and far from those that the
    /// system hands out.
    private static let descriptor: Int32 = 100
    private static let ending = [SIGINT, SIGTERM, SIGHUP]

    /// Holds the signals that ask a process to end back for ``receive(_:)``. To be called while the process has one
    /// thread: later threads inherit the mask, and none of them is then interrupted.
    public static func hold() {
        mask(SIG_BLOCK)
        signal(SIGPIPE, SIG_IGN)
    }

    /// Gives every signal that asks for an end to `body`, one at a time, on the calling thread, for ever.
    ///
    /// With handlers rather than by sigwait(3): then there is no moment and no thread in which one of them could end the
    /// process by itself.
    public static func receive(_ body: (Int32) -> Void) -> Never {
        do {
            let pipe = try catching(ending)
            _ = fcntl(pipe, F_SETFL, 0)
            mask(SIG_UNBLOCK)
            while true {
                var number: UInt8 = 0
                if read(pipe, &number, 1) == 1 { body(Int32(number)) }
            }
        } catch {
            let text = Array("\(error)\n".utf8)
            _ = write(2, text, text.count)
            exit(71)  // EX_OSERR of sysexits.h
        }
    }

    /// Makes signals readable: each is one byte, its number.
    ///
    /// - Returns: what to read them from, without blocking.
    static func catching(_ numbers: [Int32]) throws(SystemCallError) -> Int32 {
        let pipe = try Pipe()
        try SystemCallError.check("dup2", dup2(pipe.writeEnd, descriptor))
        close(pipe.writeEnd)
        _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
        for end in [pipe.readEnd, descriptor] { _ = fcntl(end, F_SETFL, O_NONBLOCK) }
        for number in numbers {
            signal(number) { number in
                let code = errno
                var byte = UInt8(truncatingIfNeeded: number)
                _ = Glibc.write(Signals.descriptor, &byte, 1)
                errno = code
            }
        }
        return pipe.readEnd
    }

    private static func mask(_ how: Int32) {
        var set = sigset_t()
        sigemptyset(&set)
        for number in ending { sigaddset(&set, number) }
        pthread_sigmask(how, &set, nil)
    }
}
