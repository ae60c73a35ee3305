import FunctionCore
import Glibc
import NIOPosix
import Testing

@testable import FunctionService

@Suite("Listening")
struct ListeningTests {
    @Test("of several that start on a stale socket at once, one listens and the others say that it does")
    func oneWins() async throws {
        let path = temporaryPath()
        let stale = try UnixSocketFile.listen(path: path, mode: 0o600, owner: nil, backlog: 1)
        close(stale.descriptor)
        // Another name for it keeps its inode from being used again.
        #expect(link(path, path + ".old") == 0)
        defer { unlink(path + ".old") }
        let pool = NIOThreadPool(numberOfThreads: 8)
        pool.start()
        let results = try await withThrowingTaskGroup(of: Result<CInt, ServerError>.self) { group in
            for _ in 0..<8 {
                group.addTask {
                    try await pool.runIfActive {
                        do throws(ServerError) {
                            return .success(
                                try UnixSocketFile.listen(path: path, mode: 0o600, owner: nil, backlog: 1).descriptor)
                        } catch {
                            return .failure(error)
                        }
                    }
                }
            }
            return try await group.reduce(into: []) { $0.append($1) }
        }
        try await pool.shutdownGracefully()
        let winners = results.compactMap { try? $0.get() }
        #expect(winners.count == 1)
        #expect(results.filter { $0 == .failure(.socketInUse(path)) }.count == 7)
        stale.file.remove()
        #expect(mode(of: path) != nil, "a file that another process has put in its place stays")
        for winner in winners { close(winner) }
        unlink(path)
    }

    @Test(
        "a Unix socket is owned by whom it is to be owned, and by nobody else before that", .enabled(if: geteuid() == 0)
    )
    func owner() async throws {
        let path = temporaryPath()
        let listener = Listener(.http, .unix(path: path, mode: 0o620, owner: SocketOwner(user: 12_345, group: 54_321)))
        try await withServer(ScriptedResponder(), configure: { $0.listeners = [listener] }) { _ in
            var status = stat()
            #expect(lstat(path, &status) == 0)
            #expect(status.st_uid == 12_345 && status.st_gid == 54_321)
            #expect(mode(of: path) == 0o620)
        }
        #expect(mode(of: path) == nil)
    }

    @Test("an owner is read by name or number, a user, a group or both")
    func readsOwner() throws {
        #expect(try SocketOwner("root") == SocketOwner(user: 0))
        #expect(try SocketOwner("root:root") == SocketOwner(user: 0, group: 0))
        #expect(try SocketOwner(":7") == SocketOwner(group: 7))
        #expect(try SocketOwner("1000:") == SocketOwner(user: 1_000))
        for text in ["", ":", "no such user", "root:no such group"] {
            #expect(throws: ServerError.self) { try SocketOwner(text) }
        }
    }

    @Test("a socket that systemd named after a protocol speaks it, any other the command's")
    func names() {
        func wireProtocol(_ name: String) -> Listener.WireProtocol {
            Listener(InheritedSocket(descriptor: 3, name: name), speaking: .fastCGI).wireProtocol
        }
        #expect(wireProtocol("http") == .http)
        #expect(wireProtocol("fastcgi") == .fastCGI)
        #expect(wireProtocol("callwaiting.socket") == .fastCGI)
        #expect(wireProtocol("") == .fastCGI)
    }
}
