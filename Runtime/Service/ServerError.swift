/// Why a server did not start.
public enum ServerError: Error, Hashable, Sendable, CustomStringConvertible {
    /// A Unix socket's path has more bytes than a socket address holds (107 on Linux).
    case pathTooLong(String)
    /// Somebody listens on that Unix socket.
    case socketInUse(String)
    /// There is a file of another kind at the path.
    case notASocket(String)
    /// FastCGI lets whoever connects claim anything, so it listens beyond this machine only when told to.
    case openToOthers(String)
    /// A descriptor that should be a listening socket is none.
    case notListening(CInt)
    /// There is no such user, or no such group.
    case unknownOwner(String)
    /// A system call failed.
    case system(call: String, on: String, errno: CInt)

    public var description: String {
        switch self {
        case .pathTooLong(let path): "the socket path is too long: \(path)"
        case .socketInUse(let path): "another process listens on \(path)"
        case .notASocket(let path): "\(path) exists and is not a socket"
        case .openToOthers(let host):
            "FastCGI has no password, so it does not listen on \(host), which other machines may reach; "
                + "say --allow-remote, or set FCGI_WEB_SERVER_ADDRS to the web servers' addresses"
        case .notListening(let descriptor): "descriptor \(descriptor) is not a listening socket"
        case .unknownOwner(let name): "there is no user or group \(name)"
        case .system(let call, let place, let errno): "\(call) \(place): \(String(errno: errno))"
        }
    }
}
