import Glibc

/// One end of the socket between a server's main process and its stand-in (unix(7), SOCK_SEQPACKET). Connections pass
/// through it from the one that ends to the one that goes on; its end tells each that the other is gone.
struct HandoverSocket: Sendable {
    enum Message: Equatable {
        /// The stand-in accepts connections.
        case ready
        /// The main process accepts connections again: give yours away and end.
        case takeOver
        /// A connection between two requests. The receiver owns the descriptor.
        case connection(Listener.WireProtocol, CInt)
    }

    let descriptor: CInt

    /// Longest message, in bytes.
    private static let longest = 64

    static func pair() throws(ServerError) -> (HandoverSocket, HandoverSocket) {
        var ends: [CInt] = [-1, -1]
        let type = CInt(SOCK_SEQPACKET.rawValue | SOCK_CLOEXEC.rawValue)
        guard socketpair(AF_UNIX, type, 0, &ends) == 0 else {
            throw .system(call: "socketpair", on: "hand-over", errno: errno)
        }
        return (HandoverSocket(descriptor: ends[0]), HandoverSocket(descriptor: ends[1]))
    }

    /// Sends without waiting. The descriptor of a connection stays the caller's to close.
    ///
    /// - Returns: whether it was sent; with false nothing was.
    func send(_ message: Message) -> Bool {
        switch message {
        case .ready: send("r", passing: nil)
        case .takeOver: send("t", passing: nil)
        case .connection(let wireProtocol, let descriptor): send("c" + wireProtocol.rawValue, passing: descriptor)
        }
    }

    /// Waits for the next message.
    ///
    /// - Returns: nil when the other process is gone.
    func receive() -> Message? {
        while true {
            var passed: CInt?
            guard let text = receive(&passed) else { return nil }
            switch (text.first, passed) {
            case ("r", nil): return .ready
            case ("t", nil): return .takeOver
            case ("c", let passed?):
                if let wireProtocol = Listener.WireProtocol(rawValue: String(text.dropFirst())) {
                    return .connection(wireProtocol, passed)
                }
                close(passed)
            default: if let passed { close(passed) }
            }
        }
    }

    // MARK: sendmsg(2) and recvmsg(2) with one descriptor, as cmsg(3) lays it out

    private static let headerLength = MemoryLayout<cmsghdr>.size
    private static let controlLength = headerLength + MemoryLayout<CInt>.size
    /// With the padding of CMSG_SPACE.
    private static let controlSpace = headerLength + MemoryLayout<Int>.size

    private func send(_ text: String, passing passed: CInt?) -> Bool {
        var bytes = Array(text.utf8)
        var control = [UInt8](repeating: 0, count: passed == nil ? 0 : Self.controlSpace)
        return Self.withMessage(&bytes, &control) { message in
            if let passed, let place = message.msg_control {
                var header = cmsghdr()
                header.cmsg_len = Self.controlLength
                header.cmsg_level = SOL_SOCKET
                header.cmsg_type = CInt(SCM_RIGHTS)
                place.storeBytes(of: header, as: cmsghdr.self)
                place.storeBytes(of: passed, toByteOffset: Self.headerLength, as: CInt.self)
            }
            return sendmsg(descriptor, &message, CInt(MSG_DONTWAIT | MSG_NOSIGNAL)) >= 0
        }
    }

    private func receive(_ passed: inout CInt?) -> String? {
        var bytes = [UInt8](repeating: 0, count: Self.longest)
        var control = [UInt8](repeating: 0, count: Self.controlSpace)
        let (count, found) = Self.withMessage(&bytes, &control) { message -> (Int, CInt?) in
            var count: Int
            repeat {
                count = recvmsg(descriptor, &message, CInt(MSG_CMSG_CLOEXEC))
            } while count < 0 && errno == EINTR
            guard count > 0, message.msg_controllen >= Self.controlLength, let place = message.msg_control else {
                return (count, nil)
            }
            let header = place.loadUnaligned(as: cmsghdr.self)
            guard header.cmsg_level == SOL_SOCKET, header.cmsg_type == CInt(SCM_RIGHTS) else {
                return (count, nil)
            }
            return (count, place.loadUnaligned(fromByteOffset: Self.headerLength, as: CInt.self))
        }
        passed = found
        return count > 0 ? String(decoding: bytes[..<count], as: UTF8.self) : nil
    }

    private static func withMessage<Result>(
        _ bytes: inout [UInt8], _ control: inout [UInt8], _ body: (inout msghdr) -> Result
    ) -> Result {
        bytes.withUnsafeMutableBytes { bytes in
            control.withUnsafeMutableBytes { control in
                var vector = iovec(iov_base: bytes.baseAddress, iov_len: bytes.count)
                return withUnsafeMutablePointer(to: &vector) { vector in
                    var message = msghdr()
                    message.msg_iov = vector
                    message.msg_iovlen = 1
                    message.msg_control = control.isEmpty ? nil : control.baseAddress
                    message.msg_controllen = control.count
                    return body(&message)
                }
            }
        }
    }
}
