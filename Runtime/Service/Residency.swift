import Glibc

/// When a server that nobody supervises has to leave: after a time without requests, and when what it was started from
/// has been replaced.
public struct Residency: Sendable {
    public enum Reason: String, Sendable {
        case idle = "nothing to do"
        case replaced = "replaced"
        case unreachable = "the socket has gone"
    }

    /// Between two looks.
    private static let interval = Duration.seconds(1)

    private let idleTime: Duration
    private let files: [(path: String, before: FileVersion?)]
    private let socket: (path: String, before: FileVersion?)

    /// Call it when the server listens.
    ///
    /// - Parameters:
    ///   - files: what the server was started from: its executable, its settings. Noted as they are now.
    ///   - socket: where it listens.
    public init(idleTime: Duration, files: [String], socket: String) {
        self.idleTime = idleTime
        self.files = files.map { ($0, FileVersion($0)) }
        self.socket = (socket, FileVersion(socket))
    }

    /// Returns when the server should leave, or with nil when the task is cancelled.
    ///
    /// - Parameter look: called at every look, about once a second.
    public func end(of server: Server, look: @Sendable () -> Void = {}) async -> Reason? {
        var accepted = server.acceptedConnections
        var busyAt = ContinuousClock.now
        while (try? await Task.sleep(for: Self.interval)) != nil {
            look()
            if server.openConnections > 0 || server.acceptedConnections != accepted {
                accepted = server.acceptedConnections
                busyAt = .now
            }
            if files.contains(where: { FileVersion($0.path) != $0.before }) { return .replaced }
            if FileVersion(socket.path)?.file != socket.before?.file { return .unreachable }
            if ContinuousClock.now - busyAt >= idleTime { return .idle }
        }
        return nil
    }
}
