import Glibc

/// A Unix socket that this process made, and removes again if it is still its own.
struct UnixSocketFile: Sendable, Hashable {
    /// Tells a file from another that took its place, which often gets the same inode.
    struct Identity: Sendable, Hashable {
        var device: UInt64
        var inode: UInt64
        /// When it was made, in nanoseconds since 1970: a socket's file is not modified afterwards.
        var modified: UInt64
    }

    let path: String
    let identity: Identity

    /// How long another process that starts on the same path may take over it.
    private static let patience = Duration.seconds(5)

    /// Listens at `path`.
    ///
    /// A file left by a process that is gone is replaced; one that somebody listens on is not. Of several processes
    /// that try this at once one succeeds: from looking to listening each holds a lock on the directory.
    ///
    /// - Returns: the listening descriptor, which the caller owns.
    /// - Throws: ``ServerError``.
    static func listen(
        path: String, mode: UInt32, owner: SocketOwner?, backlog: CInt
    ) throws(ServerError) -> (descriptor: CInt, file: UnixSocketFile) {
        var address = try socketAddress(path)
        let lock = try lockDirectory(of: path)
        defer { close(lock) }
        try removeStale(path, &address)
        let descriptor = streamSocket()
        guard descriptor >= 0 else { throw .system(call: "socket", on: path, errno: errno) }
        // On Linux the file gets the socket's own mode less the umask. Until it is its owner's it is nobody else's, so
        // that it is never more open than it should be.
        let bound =
            fchmod(descriptor, 0o600) == 0 && withSocketAddress(&address) { bind(descriptor, $0, $1) } == 0
            && lchown(path, owner?.user ?? .max, owner?.group ?? .max) == 0 && chmod(path, mode_t(mode)) == 0
            && Glibc.listen(descriptor, backlog) == 0
        guard bound, let identity = identity(of: path) else {
            let error = errno
            close(descriptor)
            throw .system(call: "listen on", on: path, errno: error)
        }
        return (descriptor, UnixSocketFile(path: path, identity: identity))
    }

    /// Removes the file unless another process has put its own in its place.
    func remove() {
        if Self.identity(of: path) == identity { unlink(path) }
    }

    private static func identity(of path: String) -> Identity? {
        var status = stat()
        guard lstat(path, &status) == 0 else { return nil }
        let modified = status.st_mtim.tv_sec * 1_000_000_000 + status.st_mtim.tv_nsec
        return Identity(
            device: UInt64(status.st_dev), inode: UInt64(status.st_ino), modified: UInt64(max(0, modified)))
    }

    /// Keeps two starting servers from taking each other's fresh socket for a stale one. Whoever can look into the
    /// directory can hold this lock, so nobody waits for it longer than two servers would need: `bind` lets only one
    /// win all the same.
    ///
    /// - Returns: a descriptor that holds the lock until it is closed.
    private static func lockDirectory(of path: String) throws(ServerError) -> CInt {
        let end = path.utf8.lastIndex(of: UInt8(ascii: "/"))
        let directory = end.map { $0 == path.startIndex ? "/" : String(path[..<$0]) } ?? "."
        let descriptor = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { throw .system(call: "open", on: directory, errno: errno) }
        let deadline = ContinuousClock.now + patience
        while flock(descriptor, LOCK_EX | LOCK_NB) != 0 {
            guard errno == EINTR || errno == EWOULDBLOCK else {
                let error = errno
                close(descriptor)
                throw .system(call: "lock", on: directory, errno: error)
            }
            guard .now < deadline else { break }
            usleep(2_000)
        }
        return descriptor
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
