import FoundationEssentials
import Glibc
import NIOPosix
import Synchronization

/// Requests over HTTP connections that are kept, one after the other, each answer checked. Unlike an HTTP client it
/// never sends a request again: one lost is one counted.
final class SteadyLoad: Sendable {
    struct Request: Sendable {
        var method = "GET"
        var target: String
        var fields = ""
        var body = ""
        var status: Int

        var text: String {
            let length = method == "POST" ? "Content-Length: \(body.utf8.count)\r\n" : ""
            return "\(method) \(target) HTTP/1.1\r\nHost: test\r\n\(fields)\(length)\r\n\(body)"
        }
    }

    private struct State {
        var isOver = false
        var answers = 0
        var failures: [String] = []
        var connections = 0
    }

    private let state = Mutex(State())
    private let threads: NIOThreadPool

    var answers: Int { state.withLock { $0.answers } }
    var failures: [String] { state.withLock { $0.failures } }
    var connections: Int { state.withLock { $0.connections } }

    /// - Parameter port: of 127.0.0.1.
    init(_ requests: [(port: Int, request: Request)]) {
        threads = NIOThreadPool(numberOfThreads: requests.count)
        threads.start()
        for (port, request) in requests {
            threads.submit { _ in
                while !self.state.withLock({ $0.isOver }) { self.run(port, request) }
            }
        }
    }

    func stop() async throws {
        let wasOver = state.withLock { state in
            defer { state.isOver = true }
            return state.isOver
        }
        if wasOver { return }
        try await threads.shutdownGracefully()
    }

    /// One connection, for as long as it is kept.
    private func run(_ port: Int, _ request: Request) {
        guard let descriptor = Self.connect(to: port) else { return fail("cannot connect to \(port)") }
        defer { close(descriptor) }
        state.withLock { $0.connections += 1 }
        var isKept = true
        while isKept, !state.withLock({ $0.isOver }) {
            let bytes = Array(request.text.utf8)
            guard send(descriptor, bytes, bytes.count, CInt(MSG_NOSIGNAL)) == bytes.count else {
                return fail("\(request.method) not sent")
            }
            guard let answer = Self.receive(descriptor) else { return fail("\(request.method) without an answer") }
            guard answer.status == request.status else {
                return fail("\(request.method) \(request.target): \(answer.status)")
            }
            state.withLock { $0.answers += 1 }
            isKept = answer.isKept
        }
    }

    private func fail(_ text: String) {
        state.withLock { $0.failures.append(text) }
        usleep(10_000)
    }

    private static func connect(to port: Int) -> CInt? {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = in_port_t(port).bigEndian
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        let descriptor = socket(AF_INET, CInt(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        var patience = timeval(tv_sec: 60, tv_usec: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &patience, socklen_t(MemoryLayout<timeval>.size))
        let result = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                Glibc.connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        if result == 0 { return descriptor }
        close(descriptor)
        return nil
    }

    static func canConnect(to port: Int) -> Bool {
        guard let descriptor = connect(to: port) else { return false }
        close(descriptor)
        return true
    }

    /// A whole answer, framed by its Content-Length; nil when it breaks off.
    private static func receive(_ descriptor: CInt) -> (status: Int, isKept: Bool)? {
        var text = ""
        var chunk = [UInt8](repeating: 0, count: 16_384)
        while true {
            let count = recv(descriptor, &chunk, chunk.count, 0)
            guard count > 0 else { return nil }
            text += String(decoding: chunk[..<count], as: UTF8.self)
            guard let end = text.firstRange(of: "\r\n\r\n") else { continue }
            let head = text[..<end.lowerBound].lowercased()
            let lines = head.components(separatedBy: "\r\n")
            let length = lines.first { $0.hasPrefix("content-length: ") }.flatMap { Int($0.dropFirst(16)) } ?? 0
            guard text[end.upperBound...].utf8.count >= length else { continue }
            let status = lines[0].split(separator: " ").dropFirst().first.flatMap { Int($0) } ?? 0
            return (status, !lines.contains("connection: close"))
        }
    }
}
