import Glibc

/// Where an access log goes: a descriptor, and how to get it again. Belongs to the log's thread.
struct AccessLogFile {
    private let destination: AccessLog.Destination
    private var descriptor: CInt

    init(_ destination: AccessLog.Destination) throws(ServerError) {
        self.destination = destination
        descriptor = try Self.open(destination)
    }

    /// Opens the path again. Where that fails the old file stays open.
    mutating func reopen() throws(ServerError) {
        guard case .file = destination else { return }
        let fresh = try Self.open(destination)
        Glibc.close(descriptor)
        descriptor = fresh
    }

    /// Writes everything, however long that takes.
    ///
    /// - Returns: the error number of what went wrong; nil when nothing did.
    func write(_ bytes: [UInt8]) -> CInt? {
        var sent = 0
        while sent < bytes.count {
            let count = bytes[sent...].withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
            if count < 0 {
                if errno == EINTR { continue }
                if errno == EAGAIN {
                    var question = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
                    _ = poll(&question, 1, 1_000)
                    continue
                }
                return errno
            }
            sent += count
        }
        return nil
    }

    func close() {
        if case .file = destination { Glibc.close(descriptor) }
    }

    /// Appending, so that several processes may write whole lines to one file.
    private static func open(_ destination: AccessLog.Destination) throws(ServerError) -> CInt {
        guard case .file(let path) = destination else { return STDOUT_FILENO }
        // Without O_NONBLOCK a named pipe that nobody reads would keep the server from starting.
        let flags = O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NONBLOCK
        let descriptor = Glibc.open(path, flags, 0o640)
        guard descriptor >= 0 else { throw .system(call: "open", on: path, errno: errno) }
        return descriptor
    }
}
