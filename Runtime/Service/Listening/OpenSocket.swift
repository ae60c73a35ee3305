import Glibc
import NIOCore

/// A listening socket of this process: the descriptor, which every server of it accepts from through a copy, so that
/// it can be handed on.
struct OpenSocket: Sendable {
    let listener: Listener
    let descriptor: CInt
    /// The socket's file, where it is ours to remove.
    let file: UnixSocketFile?

    /// How many connections may wait to be accepted.
    static let backlog: CInt = 1_024

    /// Listens at a TCP address.
    ///
    /// - Returns: the descriptor, which the caller owns.
    static func tcp(_ address: SocketAddress) throws(ServerError) -> CInt {
        let type = CInt(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue)
        let descriptor = socket(CInt(address.protocol.rawValue), type, 0)
        guard descriptor >= 0 else { throw .system(call: "socket", on: "\(address)", errno: errno) }
        var on: CInt = 1
        setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &on, socklen_t(MemoryLayout<CInt>.size))
        let bound = address.withSockAddr { bind(descriptor, $0, socklen_t($1)) == 0 }
        guard bound, listen(descriptor, backlog) == 0 else {
            let error = errno
            Glibc.close(descriptor)
            throw .system(call: "listen on", on: "\(address)", errno: error)
        }
        return descriptor
    }

    /// For whoever takes it over.
    var handedOn: Handover.Socket {
        Handover.Socket(key: listener.endpoint.key, descriptor: descriptor, file: file?.identity)
    }

    /// Closes this process's descriptor; the file, if there is one, is somebody's to remove.
    func close() { Glibc.close(descriptor) }
}
