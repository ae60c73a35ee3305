import Foundation
import Glibc
import Testing

@testable import callwaiting

/// A TCP connection to a server on this machine, on which a test says exactly what it wants to. Blocks its thread.
final class RawConnection {
    private let socket: CInt

    /// - Parameter patience: seconds that one read may take.
    init(port: Int, patience: Int = 20) throws {
        socket = Glibc.socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        guard socket >= 0 else { throw TestBed.Failure("socket: \(errno)") }
        var time = timeval(tv_sec: patience, tv_usec: 0)
        setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, &time, socklen_t(MemoryLayout<timeval>.size))
        setsockopt(socket, SOL_SOCKET, SO_SNDTIMEO, &time, socklen_t(MemoryLayout<timeval>.size))
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = in_port_t(port).bigEndian
        address.sin_addr = in_addr(s_addr: INADDR_LOOPBACK.bigEndian)
        let result = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(socket, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard result == 0 else {
            close(socket)
            throw TestBed.Failure("connect: \(errno)")
        }
    }

    deinit { close(socket) }

    /// Whether all of it went out; a peer that has heard enough may close first.
    @discardableResult
    func send(_ bytes: [UInt8]) -> Bool {
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { Glibc.send(socket, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
            guard count > 0 else { return false }
            rest = rest.dropFirst(count)
        }
        return true
    }

    func finishSending() { shutdown(socket, Int32(SHUT_WR)) }

    /// Everything until the peer ends the connection, or nothing more comes in time.
    func readToEnd(atMost limit: Int = 1 << 20) -> (bytes: [UInt8], ended: Bool) {
        var all: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 65_536)
        while all.count < limit {
            let count = recv(socket, &buffer, buffer.count, 0)
            if count == 0 { return (all, true) }
            // A reset is an end too.
            if count < 0 { return (all, errno == ECONNRESET) }
            all += buffer[..<count]
        }
        return (all, false)
    }
}

extension HTTPSender {
    var port: Int { Int(baseURL.split(separator: ":").last ?? "") ?? 0 }
}
