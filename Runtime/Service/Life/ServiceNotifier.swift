import Glibc
import NIOCore
import NIOPosix

/// Tells the service manager how this process is, by the datagrams of sd_notify(3).
public struct ServiceNotifier: Sendable {
    /// What a service manager says in the environment, to the main process only.
    static let variables = ["NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"]

    private let path: String
    /// How often the manager wants to hear that the process is alive; nil when it does not.
    let watchdogInterval: Duration?

    /// - Returns: nil when nobody wants to be told.
    public init?(environment: [String: String] = Program.environment) {
        guard let path = environment["NOTIFY_SOCKET"], path.hasPrefix("/") || path.hasPrefix("@") else { return nil }
        self.path = path
        let isMeant = environment["WATCHDOG_PID"].map { $0 == "\(getpid())" } ?? true
        let microseconds = environment["WATCHDOG_USEC"].flatMap { Int($0) } ?? 0
        watchdogInterval = isMeant && microseconds > 0 ? .microseconds(microseconds) : nil
    }

    func ready(status: String = "serving") {
        // A line more would be another assignment.
        send("READY=1\nSTATUS=\(status.split(separator: "\n").joined(separator: "; "))")
    }

    func reloading() {
        var now = timespec()
        clock_gettime(CLOCK_MONOTONIC, &now)
        send("RELOADING=1\nMONOTONIC_USEC=\(now.tv_sec * 1_000_000 + now.tv_nsec / 1_000)\nSTATUS=reloading")
    }

    func stopping() { send("STOPPING=1\nSTATUS=draining") }

    func watchdog() { if watchdogInterval != nil { send("WATCHDOG=1") } }

    /// Says that the process is alive, three times an interval, for as long as every event loop is.
    ///
    /// - Returns: what ends it; nil when nobody asked.
    func watch(_ group: MultiThreadedEventLoopGroup) -> Task<Void, any Error>? {
        guard let watchdogInterval else { return nil }
        let loops = Array(group.makeIterator())
        return Task {
            while true {
                for loop in loops { try await loop.submit {}.get() }
                watchdog()
                try await Task.sleep(for: watchdogInterval / 3)
            }
        }
    }

    /// A manager that does not listen is not told; there is nobody to complain to.
    private func send(_ text: String) {
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        var name = Array(path.utf8)
        // An abstract address begins with a zero, written as @ (unix(7)).
        if name[0] == UInt8(ascii: "@") { name[0] = 0 }
        guard name.count < MemoryLayout.size(ofValue: address.sun_path) else { return }
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: name) }
        let length = socklen_t(MemoryLayout<sa_family_t>.size + name.count)
        let descriptor = socket(AF_UNIX, CInt(SOCK_DGRAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { return }
        defer { close(descriptor) }
        let bytes = Array(text.utf8)
        _ = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                sendto(descriptor, bytes, bytes.count, CInt(MSG_DONTWAIT | MSG_NOSIGNAL), $0, length)
            }
        }
    }
}
