import CGlibc

/// A connection to the resident server, checked for who is at its other end.
struct ResidentConnection {
    /// Non-blocking. The process's end closes it.
    let descriptor: Int32

    enum Failure: Error {
        /// Nobody listens: there is no server, or it has left.
        case nobody
        /// Somebody listens and takes no more connections at the moment.
        case busy
        /// What listens is another user's.
        case foreign
        case system(Int32)

        var text: String {
            switch self {
            case .nobody: "no server"
            case .busy: "the server takes no more connections"
            case .foreign: "another user's server listens in our directory"
            case .system(let code): System.message(code)
            }
        }
    }

    /// One that has been made.
    init(descriptor: Int32) { self.descriptor = descriptor }

    init(_ installation: Installation, in directory: ResidentDirectory) throws(Failure) {
        descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue), 0)
        guard descriptor >= 0 else { throw .system(errno) }
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        let path = Array(directory.address(of: "\(installation.key).sock").utf8)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path) }
        let result = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        if result != 0 { throw Self.failure(errno) }
        guard peer() == geteuid() else { throw .foreign }
    }

    private static func failure(_ code: Int32) -> Failure {
        switch code {
        case ENOENT, ECONNREFUSED: .nobody
        // A Unix socket's connect does not wait for a full queue when it may not block.
        case EAGAIN: .busy
        default: .system(code)
        }
    }

    /// The user who listens, as the kernel noted it (unix(7), SO_PEERCRED; `struct ucred`, which Swift does not import).
    private func peer() -> uid_t? {
        var credentials: (process: pid_t, uid: uid_t, group: gid_t) = (0, 0, 0)
        var length = socklen_t(MemoryLayout.size(ofValue: credentials))
        guard getsockopt(descriptor, SOL_SOCKET, SO_PEERCRED, &credentials, &length) == 0 else { return nil }
        return credentials.uid
    }

    /// Sends what the kernel takes at the moment.
    ///
    /// - Returns: how many bytes that was; nil when the other side has gone.
    func send(_ bytes: [UInt8]) -> Int? {
        let sent = bytes.withUnsafeBytes { CGlibc.send(descriptor, $0.baseAddress, $0.count, 0) }
        if sent >= 0 { return sent }
        return errno == EAGAIN || errno == EINTR ? 0 : nil
    }

    enum Arrival {
        case bytes([UInt8])
        case nothingYet
        case end
    }

    func receive() -> Arrival {
        var code: Int32 = 0
        let bytes = [UInt8](unsafeUninitializedCapacity: 16_384) { buffer, filled in
            let received = recv(descriptor, buffer.baseAddress, buffer.count, 0)
            if received < 0 { code = errno }
            filled = max(0, received)
        }
        if !bytes.isEmpty { return .bytes(bytes) }
        return code == EAGAIN || code == EINTR ? .nothingYet : .end
    }
}
