import Glibc
import Synchronization

/// The service manager's end of sd_notify(3): what a service says of itself.
final class NotifySocket: Sendable {
    let path: String
    private let descriptor: CInt
    private let assignments = Mutex<[String]>([])

    /// Every assignment taken in so far, in order.
    var said: [String] { assignments.withLock { $0 } }

    /// - Throws: ``TestBed/Failure``.
    init(in directory: String) throws {
        path = "\(directory)/notify"
        descriptor = socket(AF_UNIX, CInt(SOCK_DGRAM.rawValue | SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue), 0)
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        let bytes = Array(path.utf8)
        guard bytes.count < MemoryLayout.size(ofValue: address.sun_path) else { throw TestBed.Failure("path too long") }
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: bytes) }
        let isBound = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size)) == 0
            }
        }
        guard isBound else { throw TestBed.Failure("bind \(path): errno \(errno)") }
    }

    deinit { close(descriptor) }

    /// Takes in what has come, and tells whether it has `assignment`.
    func hasSaid(_ assignment: String) -> Bool {
        var buffer = [UInt8](repeating: 0, count: 4_096)
        while true {
            let count = recv(descriptor, &buffer, buffer.count, 0)
            guard count > 0 else { return said.contains(assignment) }
            let lines = String(decoding: buffer[..<count], as: UTF8.self).split(separator: "\n").map(String.init)
            assignments.withLock { $0 += lines }
        }
    }
}
