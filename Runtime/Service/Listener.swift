/// Where a server listens, and what it speaks there.
public struct Listener: Sendable, Hashable {
    public enum WireProtocol: String, Sendable, Hashable {
        case http
        case fastCGI = "fastcgi"
    }

    public enum Endpoint: Sendable, Hashable {
        /// Port 0 takes any free one; ``BoundAddress`` tells which.
        case tcp(host: String, port: Int)
        /// - Parameter mode: the socket's permissions, by default for owner and group.
        case unix(path: String, mode: UInt32 = 0o660)
        /// A socket that is listening already, from a supervisor. The server takes it over.
        case inherited(descriptor: CInt)
    }

    public var wireProtocol: WireProtocol
    public var endpoint: Endpoint

    public init(_ wireProtocol: WireProtocol, _ endpoint: Endpoint) {
        self.wireProtocol = wireProtocol
        self.endpoint = endpoint
    }
}

extension Listener.Endpoint {
    /// Reads `HOST:PORT`, where an IPv6 host is in brackets.
    ///
    /// - Returns: nil for anything else.
    public init?(hostAndPort text: String) {
        guard let colon = text.lastIndex(of: ":"), let port = UInt16(text[text.index(after: colon)...]) else {
            return nil
        }
        var host = text[..<colon]
        if host.first == "[", host.last == "]" {
            host = host.dropFirst().dropLast()
        } else if host.contains(":") {
            return nil
        }
        guard !host.isEmpty else { return nil }
        self = .tcp(host: String(host), port: Int(port))
    }
}

/// A listener's address as the system gave it.
public struct BoundAddress: Sendable, Hashable, CustomStringConvertible {
    public var wireProtocol: Listener.WireProtocol
    /// IP address in text; nil on a Unix socket.
    public var host: String?
    /// nil on a Unix socket.
    public var port: Int?
    /// nil on TCP.
    public var path: String?

    /// `http 127.0.0.1:8080`, `fastcgi /run/callwaiting/fastcgi.sock`.
    public var description: String {
        let place =
            if let path { path } else if let host, let port {
                host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
            } else { "a socket" }
        return "\(wireProtocol.rawValue) \(place)"
    }
}

/// Why a server did not start.
public enum ServerError: Error, Hashable, Sendable, CustomStringConvertible {
    /// A Unix socket's path has more bytes than a socket address holds (107 on Linux).
    case pathTooLong(String)
    /// Somebody listens on that Unix socket.
    case socketInUse(String)
    /// There is a file of another kind at the path.
    case notASocket(String)
    /// FastCGI lets whoever connects claim anything, so it does not listen on all addresses unless told to.
    case openToAll(String)
    /// A descriptor that should be a listening socket is none.
    case notListening(CInt)
    /// A system call failed.
    case system(call: String, on: String, errno: CInt)

    public var description: String {
        switch self {
        case .pathTooLong(let path): "the socket path is too long: \(path)"
        case .socketInUse(let path): "another process listens on \(path)"
        case .notASocket(let path): "\(path) exists and is not a socket"
        case .openToAll(let host):
            "FastCGI has no password, so it does not listen on \(host); name an address, or set FCGI_WEB_SERVER_ADDRS"
        case .notListening(let descriptor): "descriptor \(descriptor) is not a listening socket"
        case .system(let call, let place, let errno): "\(call) \(place): \(String(errno: errno))"
        }
    }
}
