import FunctionChannel
import FunctionCore
import FunctionTesting
import Glibc
import Logging
import NIOPosix
import Testing

@testable import FunctionService

/// The parts of a reload; tests of the built program put them together.
@Suite("Reloading")
struct ReloadingTests {
    @Test(
        "a server goes on as before when what a reload starts does not get ready",
        arguments: [["/bin/false"], ["/bin/sleep", "60"], ["/nonexistent"]])
    func badProgram(_ arguments: [String]) async throws {
        let recorder = LogRecorder()
        let program = Program(path: arguments[0], arguments: arguments)
        try await withServer(
            ScriptedResponder(),
            configure: {
                $0.program = program
                $0.startTime = .milliseconds(200)
            }, logger: recorder.logger
        ) { server in
            server.server.triggerReload()
            try await eventually { recorder.text.contains("serving as before") }
            try await expectHello(server)
        }
    }

    @Test("what is handed over is understood as it was said")
    func text() throws {
        let handover = Handover(
            role: .successor(standIn: 4_711), control: HandoverSocket(descriptor: 9),
            sockets: [
                .init(
                    key: "unix /run/a b/s.sock", descriptor: 7,
                    file: .init(device: .max >> 1, inode: 1 << 40, modified: 1 << 60)),
                .init(key: "tcp [::1]:80", descriptor: 8), .init(key: "inherited 3 http", descriptor: 3),
            ],
            signals: .init(reading: 10, writing: 11))
        let read = try #require(Handover(handover.text))
        #expect(read.text == handover.text)
        #expect(read.sockets == handover.sockets)
        #expect(read.signals == handover.signals)
        #expect(read.descriptors.sorted() == [3, 7, 8, 9, 10, 11])
        #expect(read.socket(for: .unix(path: "/run/a b/s.sock"))?.descriptor == 7)
        #expect(InheritedSocket(read.sockets[2]) == InheritedSocket(descriptor: 3, name: "http"))
        #expect(InheritedSocket(read.sockets[0]) == nil)
    }

    @Test("what is no hand-over is none", arguments: ["", "stand-in", "control 5", "stand-in\ncontrol 5\nnonsense"])
    func badText(_ text: String) {
        #expect(Handover(text) == nil)
    }

    @Test("connections and words pass from one process's end to the other's, and an end is noticed")
    func passes() throws {
        let (one, other) = try HandoverSocket.pair()
        var ends: [CInt] = [-1, -1]
        #expect(pipe(&ends) == 0)
        #expect(one.send(.connection(.fastCGI, ends[1])))
        close(ends[1])
        #expect(one.send(.takeOver))
        guard case .connection(.fastCGI, let passed) = other.receive() else {
            Issue.record("no connection came")
            return
        }
        #expect(write(passed, "x", 1) == 1, "it is the same pipe under another number")
        var byte: UInt8 = 0
        #expect(read(ends[0], &byte, 1) == 1 && byte == UInt8(ascii: "x"))
        #expect(fcntl(passed, F_GETFD) == FD_CLOEXEC)
        close(passed)
        #expect(read(ends[0], &byte, 1) == 0, "no other copy of it is left")
        close(ends[0])
        #expect(other.receive() == .takeOver)
        close(one.descriptor)
        #expect(other.receive() == nil)
        #expect(!other.send(.ready))
        close(other.descriptor)
    }

    @Test("a program is found again by the path that it was called by, if that leads to it")
    func runningProgram() throws {
        let image = Program.running(["/nonsense"]).path
        #expect(image.hasPrefix("/") && access(image, X_OK) == 0)
        let link = temporaryPath()
        #expect(symlink(image, link) == 0)
        defer { unlink(link) }
        #expect(Program.running([link, "serve"]) == Program(path: link, arguments: [link, "serve"]))
        #expect(Program.running(["/bin/sh"]).path == image, "what is called so is another program")
        #expect(Program.running(["sh"]).path == image)
    }
}
