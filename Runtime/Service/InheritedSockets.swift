import FunctionCore
import Glibc

/// Listening sockets that a supervisor passed on.
public enum InheritedSockets {
    /// systemd's, from descriptor 3 on (sd_listen_fds(3)): none unless `LISTEN_PID` is this process. The variables are
    /// removed, so that no child takes the sockets for its own.
    ///
    /// - Throws: ``ServerError/notListening(_:)`` for a descriptor that is none.
    public static func systemd() throws(ServerError) -> [CInt] {
        guard let process = environment("LISTEN_PID").flatMap({ Int(strictDecimal: $0) }), process == Int(getpid()),
            let count = environment("LISTEN_FDS").flatMap({ Int(strictDecimal: $0) }), (1...1_024).contains(count)
        else { return [] }
        for name in ["LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"] { unsetenv(name) }
        var descriptors: [CInt] = []
        for descriptor in 3..<CInt(3 + count) {
            guard isListening(descriptor) else { throw .notListening(descriptor) }
            _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
            descriptors.append(descriptor)
        }
        return descriptors
    }

    /// Descriptor 0 when it is a listening socket (FCGI_LISTENSOCK_FILENO), as from spawn-fcgi and
    /// `StandardInput=socket`, moved out of the way; nil when it is anything else.
    public static func standardInput() -> CInt? {
        guard isListening(0) else { return nil }
        let descriptor = fcntl(0, F_DUPFD_CLOEXEC, 3)
        guard descriptor >= 0 else { return nil }
        let null = open("/dev/null", O_RDONLY | O_CLOEXEC)
        if null >= 0 {
            dup2(null, 0)
            close(null)
        }
        return descriptor
    }

    /// Whether a descriptor is a socket on which connections can be accepted.
    static func isListening(_ descriptor: CInt) -> Bool {
        var value: CInt = 0
        var length = socklen_t(MemoryLayout<CInt>.size)
        return getsockopt(descriptor, SOL_SOCKET, SO_ACCEPTCONN, &value, &length) == 0 && value != 0
    }

    static func environment(_ name: String) -> String? {
        getenv(name).map { String(cString: $0) }
    }
}
