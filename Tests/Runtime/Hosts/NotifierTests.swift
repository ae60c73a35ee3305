import FunctionCore
import Glibc
import NIOCore
import NIOPosix
import Synchronization
import Testing

@testable import FunctionService

/// A service manager that listens.
final class FakeServiceManager: Sendable {
    let name: String
    private let descriptor: CInt

    /// - Parameter name: a path, or an abstract name with `@` before it.
    init(_ name: String) throws {
        self.name = name
        descriptor = socket(AF_UNIX, CInt(SOCK_DGRAM.rawValue | SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue), 0)
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        var bytes = Array(name.utf8)
        if bytes[0] == UInt8(ascii: "@") { bytes[0] = 0 }
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: bytes) }
        let length = socklen_t(MemoryLayout<sa_family_t>.size + bytes.count)
        let bound = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { bind(descriptor, $0, length) }
        }
        guard bound == 0 else { throw Failure(code: errno) }
    }

    deinit {
        close(descriptor)
        if name.hasPrefix("/") { unlink(name) }
    }

    struct Failure: Error { var code: CInt }

    /// The next message, a line for each assignment.
    func next() async throws -> [String] {
        var message: [String] = []
        try await eventually {
            var bytes = [UInt8](repeating: 0, count: 4_096)
            let count = recv(descriptor, &bytes, bytes.count, 0)
            guard count > 0 else { return false }
            message = String(decoding: bytes[..<count], as: UTF8.self).split(separator: "\n").map(String.init)
            return true
        }
        return message
    }
}

@Suite("Telling the service manager")
struct NotifierTests {
    @Test("it is told of readiness, of the end, and that the loops are alive", arguments: ["/tmp/", "@"])
    func messages(_ prefix: String) async throws {
        let manager = try FakeServiceManager(prefix + "cw-notify-\(RequestID().description.prefix(12))")
        // It comes three times as often. The socket holds some ten messages and loses what comes then, so they must not
        // come faster than a busy machine takes them.
        let notifier = ServiceNotifier(
            environment: [
                "NOTIFY_SOCKET": manager.name, "WATCHDOG_USEC": "2250000", "WATCHDOG_PID": "\(getpid())",
            ])
        try await withServer(ScriptedResponder(), configure: { $0.notifier = notifier }) { _ in
            #expect(try await nextButWatchdog(of: manager) == ["READY=1", "STATUS=serving"])
            let messages = [try await manager.next(), try await manager.next()]
            #expect(messages == [["WATCHDOG=1"], ["WATCHDOG=1"]])
        }
        #expect(try await nextButWatchdog(of: manager) == ["STOPPING=1", "STATUS=draining"])
    }

    private func nextButWatchdog(of manager: FakeServiceManager) async throws -> [String] {
        while true {
            let message = try await manager.next()
            if message != ["WATCHDOG=1"] { return message }
        }
    }

    @Test("a status is one line, whatever is in it")
    func oneLine() async throws {
        let manager = try FakeServiceManager("@cw-notify-\(RequestID().description.prefix(12))")
        let notifier = try #require(ServiceNotifier(environment: ["NOTIFY_SOCKET": manager.name]))
        notifier.ready(status: "one\nMAINPID=1")
        #expect(try await manager.next() == ["READY=1", "STATUS=one; MAINPID=1"])
        notifier.reloading()
        let reloading = try await manager.next()
        #expect(reloading[0] == "RELOADING=1")
        #expect(reloading[1].hasPrefix("MONOTONIC_USEC=") && Int(reloading[1].dropFirst(15)) ?? 0 > 0)
    }

    @Test(
        "nobody is told where nobody asked, and no watchdog that is for another process is heeded",
        arguments: [[:], ["NOTIFY_SOCKET": ""], ["NOTIFY_SOCKET": "relative"]])
    func nobody(_ environment: [String: String]) {
        #expect(ServiceNotifier(environment: environment) == nil)
        let other = ServiceNotifier(
            environment: ["NOTIFY_SOCKET": "@x", "WATCHDOG_USEC": "1000000", "WATCHDOG_PID": "1"])
        #expect(other?.watchdogInterval == nil)
    }
}
