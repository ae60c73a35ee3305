import Glibc

/// A Unix socket that this process made, and removes again if it is still its own.
struct UnixSocketFile: Sendable {
    let path: String
    private let device: UInt64
    private let inode: UInt64

    /// Binds a socket at `path`.
    ///
    /// A file left by a process that is gone is replaced; one that somebody listens on is not.
    ///
    /// - Returns: the bound descriptor, which the caller owns, not listening yet.
    /// - Throws: ``ServerError``.
    static func bind(path: String, mode: UInt32) throws(ServerError) -> (descriptor: CInt, file: UnixSocketFile) {
        var address = try socketAddress(path)
        try removeStale(path, &address)
        let descriptor = streamSocket()
        guard descriptor >= 0 else { throw .system(call: "socket", on: path, errno: errno) }
        // On Linux the file gets the socket's own mode less the umask, so that it is never more open than it should be.
        let bound =
            fchmod(descriptor, mode_t(mode)) == 0 && withSocketAddress(&address) { Glibc.bind(descriptor, $0, $1) } == 0
        guard bound, chmod(path, mode_t(mode)) == 0 else {
            let error = errno
            close(descriptor)
            throw .system(call: "bind", on: path, errno: error)
        }
        var status = stat()
        lstat(path, &status)
        return (descriptor, UnixSocketFile(path: path, device: UInt64(status.st_dev), inode: UInt64(status.st_ino)))
    }

    /// Removes the file unless another process has put its own in its place.
    func remove() {
        var status = stat()
        guard lstat(path, &status) == 0, status.st_dev == device, status.st_ino == inode else { return }
        unlink(path)
    }

    private static func removeStale(_ path: String, _ address: inout sockaddr_un) throws(ServerError) {
        var status = stat()
        guard lstat(path, &status) == 0 else { return }
        guard status.st_mode & S_IFMT == S_IFSOCK else { throw .notASocket(path) }
        let probe = streamSocket()
        guard probe >= 0 else { throw .system(call: "socket", on: path, errno: errno) }
        defer { close(probe) }
        let answer = withSocketAddress(&address) { connect(probe, $0, $1) }
        // Only a refused connection says that nobody listens; a full backlog (EAGAIN) says that somebody does.
        guard answer != 0, errno == ECONNREFUSED else { throw .socketInUse(path) }
        guard unlink(path) == 0 else { throw .system(call: "unlink", on: path, errno: errno) }
    }

    private static func streamSocket() -> CInt {
        socket(AF_UNIX, CInt(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue), 0)
    }

    private static func socketAddress(_ path: String) throws(ServerError) -> sockaddr_un {
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        let bytes = Array(path.utf8)
        let fits = withUnsafeMutableBytes(of: &address.sun_path) { buffer in
            guard bytes.count < buffer.count, !bytes.isEmpty else { return false }
            buffer.copyBytes(from: bytes)
            return true
        }
        guard fits else { throw .pathTooLong(path) }
        return address
    }

    private static func withSocketAddress(
        _ address: inout sockaddr_un, _ body: (UnsafePointer<sockaddr>, socklen_t) -> CInt
    ) -> CInt {
        withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                body($0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
    }
}
