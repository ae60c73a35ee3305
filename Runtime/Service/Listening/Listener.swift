/// Where a server listens, and what it speaks there.
public struct Listener: Sendable, Hashable {
    public enum WireProtocol: String, Sendable, Hashable, CaseIterable {
        case http
        case fastCGI = "fastcgi"
    }

    public enum Endpoint: Sendable, Hashable {
        /// Port 0 takes any free one; ``BoundAddress`` tells which.
        case tcp(host: String, port: Int)
        /// - Parameters:
        ///   - mode: the socket's permissions, by default for owner and group.
        ///   - owner: whose it is, by default the process's own.
        case unix(path: String, mode: UInt32 = 0o660, owner: SocketOwner? = nil)
        /// A socket that is listening already, from a supervisor. The server takes it over.
        case inherited(InheritedSocket)

        public static func inherited(descriptor: CInt) -> Self { .inherited(InheritedSocket(descriptor: descriptor)) }
    }

    public var wireProtocol: WireProtocol
    public var endpoint: Endpoint

    public init(_ wireProtocol: WireProtocol, _ endpoint: Endpoint) {
        self.wireProtocol = wireProtocol
        self.endpoint = endpoint
    }

    /// A socket that was passed on, speaking what it is named after, else `wireProtocol`.
    public init(_ socket: InheritedSocket, speaking wireProtocol: WireProtocol) {
        self.init(WireProtocol(rawValue: socket.name) ?? wireProtocol, .inherited(socket))
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

    /// Tells this socket from a server's others, in every process that it is handed to. One line.
    var key: String {
        switch self {
        case .tcp(let host, let port): "tcp \(host):\(port)"
        case .unix(let path, _, _): Handover.Socket.pathPrefix + path
        case .inherited(let socket): InheritedSocket.keyPrefix + "\(socket.descriptor) \(socket.name)"
        }
    }
}

extension Listener.Endpoint {
    /// Reads a path (anything with a slash), for a Unix socket that only its owner may use, or `HOST:PORT` where the
    /// host is this machine's loopback interface: for what nobody else may see.
    ///
    /// - Returns: nil for anything else.
    public init?(private text: String) {
        if text.utf8.contains(UInt8(ascii: "/")) {
            self = .unix(path: text, mode: 0o600)
        } else if let endpoint = Self(hostAndPort: text), case .tcp(let host, _) = endpoint,
            Self.isLoopback(host)
        {
            self = endpoint
        } else {
            return nil
        }
    }

    /// A number where it is not the one name that means this machine: what else begins with 127 may lead anywhere.
    private static func isLoopback(_ host: String) -> Bool {
        let parts = host.split(separator: ".", omittingEmptySubsequences: false)
        let isNumber = parts.count == 4 && parts.allSatisfy { UInt8($0) != nil }
        return host == "localhost" || host == "::1" || (isNumber && parts[0] == "127")
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
