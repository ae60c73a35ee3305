import Glibc
import Synchronization

/// A server on 127.0.0.1 that does to each connection whatever its script says, blocking, on a thread of its own.
/// Raw sockets, so that it can misbehave in ways that no HTTP library offers.
final class BadServer: Sendable {
    struct Record {
        var isStopped = false
        /// The port is free again.
        var isClosed = false
        /// Connections accepted.
        var accepted = 0
        /// Open now.
        var open: Set<Int32> = []
        /// Heads and bodies received, in order.
        var requests: [Received] = []
        /// Connections that the client closed or reset, as a script saw it.
        var endedByClient = 0
        /// Bytes of answers that a script managed to write.
        var bytesWritten = 0
    }

    struct Received {
        let head: String
        let body: [UInt8]

        /// Values by lower-case name.
        var fields: [String: [String]] {
            head.split(separator: "\r\n").dropFirst().reduce(into: [:]) { fields, line in
                let parts = line.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
                guard parts.count == 2 else { return }
                fields[parts[0].lowercased(), default: []].append(String(parts[1].drop { $0 == " " }))
            }
        }
    }

    let port: UInt16
    private let listener: Int32
    private let record = Mutex(Record())

    var isClosed: Bool { record.withLock { $0.isClosed } }
    var accepted: Int { record.withLock { $0.accepted } }
    var requests: [Received] { record.withLock { $0.requests } }
    var endedByClient: Int { record.withLock { $0.endedByClient } }
    var bytesWritten: Int { record.withLock { $0.bytesWritten } }

    func url(_ path: String = "/", scheme: String = "http") -> String { "\(scheme)://127.0.0.1:\(port)\(path)" }

    /// Listens, and runs `script` for every connection; the connection is closed when the script returns.
    init(_ script: @escaping @Sendable (Connection) -> Void) throws {
        listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = in_addr_t(INADDR_LOOPBACK).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let listener = listener
        let isListening = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { pointer in
                bind(listener, pointer, length) == 0 && listen(listener, 1_024) == 0
                    && getsockname(listener, pointer, &length) == 0
            }
        }
        guard isListening else { throw SystemError(errno) }
        port = UInt16(bigEndian: address.sin_port)
        inThread { [self] in
            while true {
                var readable = pollfd(fd: listener, events: Int16(POLLIN), revents: 0)
                poll(&readable, 1, -1)
                let descriptor = descriptors.withLock { _ in
                    let descriptor = accept(listener, nil, nil)
                    if descriptor >= 0 { _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC) }
                    return descriptor
                }
                guard descriptor >= 0 else { break }
                note { record in
                    record.accepted += 1
                    record.open.insert(descriptor)
                }
                inThread { [self] in
                    script(Connection(descriptor: descriptor, server: self))
                    note { _ = $0.open.remove(descriptor) }
                    close(descriptor)
                }
            }
            close(listener)
            note { $0.isClosed = true }
        }
    }

    /// Ends the listener and every connection, so that scripts that wait see the end.
    func stop() {
        note { record in
            guard !record.isStopped else { return }
            record.isStopped = true
            shutdown(listener, Int32(SHUT_RDWR))
            for descriptor in record.open { shutdown(descriptor, Int32(SHUT_RDWR)) }
        }
    }

    fileprivate func note(_ change: (inout Record) -> Void) { record.withLock { change(&$0) } }

    /// The server's end of one connection.
    struct Connection {
        let descriptor: Int32
        fileprivate let server: BadServer

        /// Reads one request, head and declared body; nil when the client is gone.
        @discardableResult
        func receive() -> Received? {
            var bytes: [UInt8] = []
            let end = Array("\r\n\r\n".utf8)
            while !bytes.suffix(4).elementsEqual(end) {
                guard let next = read(1) else { return nil }
                bytes += next
            }
            let head = String(decoding: bytes, as: UTF8.self)
            var body: [UInt8] = []
            let length = Received(head: head, body: []).fields["content-length"]?.first.flatMap { Int($0) } ?? 0
            while body.count < length {
                guard let next = read(length - body.count) else { return nil }
                body += next
            }
            let received = Received(head: head, body: body)
            server.note { $0.requests.append(received) }
            return received
        }

        /// Writes all of it.
        /// - Returns: false when the client is gone.
        @discardableResult
        func send(_ text: String) -> Bool { send(Array(text.utf8)) }

        @discardableResult
        func send(_ bytes: [UInt8]) -> Bool {
            var sent = 0
            while sent < bytes.count {
                let count = bytes.withUnsafeBytes {
                    Glibc.send(descriptor, $0.baseAddress! + sent, bytes.count - sent, Int32(MSG_NOSIGNAL))
                }
                guard count > 0 else { return false }
                sent += count
                server.note { $0.bytesWritten += count }
            }
            return true
        }

        /// Waits until the client closes or resets, and counts that.
        func waitForEnd() {
            while read(4_096) != nil {}
            server.note { $0.endedByClient += 1 }
        }

        /// Makes the close that follows a reset.
        func reset() {
            var linger = linger(l_onoff: 1, l_linger: 0)
            setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &linger, socklen_t(MemoryLayout.size(ofValue: linger)))
        }

        private func read(_ limit: Int) -> [UInt8]? {
            var buffer = [UInt8](repeating: 0, count: min(limit, 65_536))
            let count = recv(descriptor, &buffer, buffer.count, 0)
            return count > 0 ? Array(buffer.prefix(count)) : nil
        }
    }
}

/// Held between making a descriptor and marking it close-on-exec, and while a child begins: one that inherited a
/// connection would keep it open. (accept4 and pipe2 are not to be had from Swift's Glibc module.)
let descriptors = Mutex(())

struct SystemError: Error {
    let code: Int32
    init(_ code: Int32) { self.code = code }
}

/// Runs `body` on a new thread.
func inThread(_ body: @escaping @Sendable () -> Void) {
    final class Work: Sendable {
        let body: @Sendable () -> Void
        init(_ body: @escaping @Sendable () -> Void) { self.body = body }
    }
    var thread = pthread_t()
    let work = Unmanaged.passRetained(Work(body))
    let result = pthread_create(
        &thread, nil,
        { pointer in
            guard let pointer else { return nil }
            Unmanaged<Work>.fromOpaque(pointer).takeRetainedValue().body()
            return nil
        }, work.toOpaque())
    precondition(result == 0, "no thread for a test server")
    pthread_detach(thread)
}
