/// A way in which an operator may put a web server in front of us.
public enum WebServer: String, CaseIterable, Sendable {
    case nginx = "nginx, FastCGI"
    case nginxSpawnFCGI = "nginx, FastCGI under spawn-fcgi"
    case nginxCGI = "nginx with fcgiwrap, CGI"
    case nginxBridge = "nginx with fcgiwrap and cgi-fcgi, CGI to FastCGI"
    case apacheProxy = "Apache mod_proxy_fcgi"
    case apacheFcgid = "Apache mod_fcgid"
    case apacheCGI = "Apache mod_cgid"
    case lighttpd = "lighttpd, FastCGI"
    case lighttpdSpawned = "lighttpd, FastCGI that it starts itself"
    case lighttpdCGI = "lighttpd, CGI"
    case haproxy = "HAProxy, FastCGI"

    /// Whether each request is a process.
    public var isCGI: Bool { [.nginxCGI, .apacheCGI, .lighttpdCGI].contains(self) }

    /// Writes the server's configuration into `directory`, which exists and is for this site alone.
    ///
    /// - Parameters:
    ///   - application: what answers.
    ///   - prefix: the path in front of it, `/voice`, without a trailing slash; usually empty.
    ///   - edits: further changes to the files of `deploy/`: what to replace, and what with.
    /// - Throws: ``DeployFile/Missing`` when a file does not say what is to be edited; errors of the file system.
    public func site(
        serving application: Backend, below prefix: String = "", in directory: String,
        edits: [(String, String)] = []
    ) throws -> Site {
        var application = application
        if !prefix.isEmpty { application.environment["BASE_PATH"] = prefix }
        let place = try Place(directory, application: application, prefix: prefix, edits: edits)
        switch self {
        case .nginx, .nginxSpawnFCGI, .nginxCGI, .nginxBridge: return try nginxSite(place)
        case .apacheProxy, .apacheFcgid, .apacheCGI: return try apacheSite(place)
        case .lighttpd, .lighttpdSpawned, .lighttpdCGI: return try lighttpdSite(place)
        case .haproxy: return try haproxySite(place)
        }
    }
}

/// What a web server serves: a program that is CGI, or FastCGI on descriptor 0, or takes `fastcgi --socket PATH` and
/// `fastcgi --listen HOST:PORT`.
public struct Backend: Sendable {
    public var path: String
    /// Its settings. Values have neither quotes nor line ends.
    public var environment: [String: String]

    public init(path: String, environment: [String: String]) {
        self.path = path
        self.environment = environment
    }
}

/// A web server ready to start.
public struct Site: Sendable {
    /// On 127.0.0.1.
    public let port: Int
    /// The server's own check of its configuration; ends with status 0 when there is nothing to complain about.
    public let check: Invocation
    /// Where the application listens, where it is FastCGI on a Unix socket.
    public let socket: String
    /// What has to run, in the order of starting, the web server last. Each ends on SIGTERM.
    public let programs: [Invocation]
}

/// A program to run.
public struct Invocation: Sendable {
    public var name: String
    /// Absolute path.
    public var executable: String
    public var arguments: [String]
    /// Besides `PATH` and the like.
    public var environment: [String: String] = [:]
}
