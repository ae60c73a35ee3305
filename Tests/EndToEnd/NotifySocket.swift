import FunctionCore
import Glibc
import Synchronization

/// Where a service manager would listen (sd_notify(3)), which is told by the system who speaks.
final class NotifySocket: Sendable {
    let name = "@cw-notify-\([UInt8].random(count: 6).hex)"
    private let descriptor: CInt
    private let received = Mutex<[Message]>([])

    init() throws {
        descriptor = socket(AF_UNIX, CInt(SOCK_DGRAM.rawValue | SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue), 0)
        var on: CInt = 1
        setsockopt(descriptor, SOL_SOCKET, SO_PASSCRED, &on, socklen_t(MemoryLayout<CInt>.size))
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        let bytes = [0] + name.utf8.dropFirst()
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: bytes) }
        let length = socklen_t(MemoryLayout<sa_family_t>.size + bytes.count)
        let bound = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { bind(descriptor, $0, length) }
        }
        guard bound == 0 else { throw TestBed.Failure("bind: \(errno)") }
    }

    deinit { close(descriptor) }

    struct Message {
        var firstLine: String
        var sender: pid_t
    }

    /// Everything that has been said, in order.
    func messages() -> [Message] {
        received.withLock { messages in
            while let message = next() { messages.append(message) }
            return messages
        }
    }

    /// The first line of everything that has been said.
    var said: [String] { messages().map(\.firstLine) }

    func hasSaid(_ line: String) -> Bool { said.contains(line) }

    private func next() -> Message? {
        var text = [UInt8](repeating: 0, count: 4_096)
        var control = [UInt8](repeating: 0, count: 64)
        return text.withUnsafeMutableBytes { text in
            control.withUnsafeMutableBytes { control in
                var vector = iovec(iov_base: text.baseAddress, iov_len: text.count)
                return withUnsafeMutablePointer(to: &vector) { vector in
                    var message = msghdr()
                    message.msg_iov = vector
                    message.msg_iovlen = 1
                    message.msg_control = control.baseAddress
                    message.msg_controllen = control.count
                    let count = recvmsg(descriptor, &message, 0)
                    guard count > 0 else { return nil }
                    let line = String(decoding: text[..<count], as: UTF8.self).split(separator: "\n").first
                    // struct ucred begins with the process id, after the header of cmsg(3).
                    let sender = control.loadUnaligned(fromByteOffset: MemoryLayout<cmsghdr>.size, as: pid_t.self)
                    return Message(firstLine: line.map(String.init) ?? "", sender: sender)
                }
            }
        }
    }
}
