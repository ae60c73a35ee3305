import FunctionCore
import Glibc

/// A listening socket that a supervisor passed on.
public struct InheritedSocket: Sendable, Hashable {
    public var descriptor: CInt
    /// What systemd calls it (`FileDescriptorName=`, sd_listen_fds_with_names(3)); empty where it has no name.
    public var name: String

    public init(descriptor: CInt, name: String = "") {
        self.descriptor = descriptor
        self.name = name
    }

    static let keyPrefix = "inherited "

    /// One that a former program of this process had inherited.
    init?(_ socket: Handover.Socket) {
        guard socket.key.hasPrefix(Self.keyPrefix) else { return nil }
        self.init(
            descriptor: socket.descriptor,
            name: socket.key.split(separator: " ", maxSplits: 2).dropFirst(2).first.map(String.init) ?? "")
    }
}

/// The listening sockets that were passed on to this process.
public enum InheritedSockets {
    /// systemd's, else descriptor 0, else none; after a reload, those that there were before it.
    ///
    /// - Throws: ``ServerError/notListening(_:)`` for a descriptor that should be one and is not.
    public static func all() throws(ServerError) -> [InheritedSocket] {
        if let handover = Handover.received { return handover.sockets.compactMap(InheritedSocket.init) }
        let sockets = try systemd()
        if !sockets.isEmpty { return sockets }
        return standardInput().map { [InheritedSocket(descriptor: $0)] } ?? []
    }

    /// systemd's, from descriptor 3 on (sd_listen_fds(3)): none unless `LISTEN_PID` is this process, or one that it
    /// descends from, as when a wrapper started it. The variables are removed, so that no child takes the sockets for
    /// its own.
    static func systemd() throws(ServerError) -> [InheritedSocket] {
        guard let process = environment("LISTEN_PID").flatMap({ Int(strictDecimal: $0) }), isAncestry(process),
            let count = environment("LISTEN_FDS").flatMap({ Int(strictDecimal: $0) }), (1...1_024).contains(count)
        else { return [] }
        let names = environment("LISTEN_FDNAMES")?.split(separator: ":", omittingEmptySubsequences: false) ?? []
        for name in ["LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"] { unsetenv(name) }
        var sockets: [InheritedSocket] = []
        for index in 0..<count {
            let descriptor = CInt(3 + index)
            guard isListening(descriptor) else { throw .notListening(descriptor) }
            _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
            sockets.append(
                InheritedSocket(descriptor: descriptor, name: names.count == count ? String(names[index]) : ""))
        }
        return sockets
    }

    /// Descriptor 0 when it is a listening socket (FCGI_LISTENSOCK_FILENO), as from spawn-fcgi and
    /// `StandardInput=socket`, moved out of the way; nil when it is anything else.
    static func standardInput() -> CInt? {
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

    /// Generations between a wrapper that was given sockets and a process that uses them.
    private static let generations = 8

    private static func isAncestry(_ process: Int) -> Bool {
        var ancestor = Int(getpid())
        for _ in 0..<generations where ancestor > 0 {
            if ancestor == process { return true }
            ancestor = ancestor == Int(getpid()) ? Int(getppid()) : parent(of: ancestor)
        }
        return false
    }

    /// 0 when there is none, or it cannot be known.
    private static func parent(of process: Int) -> Int {
        guard let file = fopen("/proc/\(process)/stat", "r") else { return 0 }
        defer { fclose(file) }
        var buffer = [UInt8](repeating: 0, count: 512)
        let count = fread(&buffer, 1, buffer.count, file)
        // The name, in parentheses, may hold anything; after it come the state and the parent.
        let text = String(decoding: buffer[..<count], as: UTF8.self)
        guard let end = text.lastIndex(of: ")") else { return 0 }
        return text[end...].split(separator: " ").dropFirst(2).first.flatMap { Int($0) } ?? 0
    }
}
