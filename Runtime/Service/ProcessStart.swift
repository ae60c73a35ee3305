import Glibc

/// What a serving process does before anything else.
public enum ProcessStart {
    /// Opens /dev/null on each of descriptors 0 to 2 that is closed, as after a start by a FastCGI process manager:
    /// otherwise the next socket would become standard error, and the log would go to a caller. Call it first in
    /// `main`.
    public static func prepare() {
        for descriptor in 0...2 as ClosedRange<CInt> where fcntl(descriptor, F_GETFD) == -1 && errno == EBADF {
            // The lowest free descriptor is taken, and those below are open.
            _ = open("/dev/null", descriptor == 0 ? O_RDONLY : O_WRONLY)
        }
    }
}
