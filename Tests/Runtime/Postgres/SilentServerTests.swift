import Glibc
import PostgresClient
import Testing

/// A server that lets everybody in and then says nothing more.
private final class SilentServer: Sendable {
    let directory: String
    private let listener: Int32
    private let serving: Task<Void, Never>

    init() {
        let directory = "/tmp/pg-silent-\(UInt32.random(in: 0 ... .max))"
        mkdir(directory, 0o700)
        let listener = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue | SOCK_NONBLOCK.rawValue), 0)
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: "\(directory)/.s.PGSQL.5432".utf8) }
        withUnsafePointer(to: &address) { pointer in
            _ = pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(listener, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        listen(listener, 8)
        self.directory = directory
        self.listener = listener
        serving = Task {
            var connections: [Int32] = []
            while !Task.isCancelled {
                let connection = accept(listener, nil, nil)
                if connection >= 0 {
                    connections.append(connection)
                    // AuthenticationOk and ReadyForQuery (Postgres documentation, "Message Formats").
                    let welcome: [UInt8] = [0x52, 0, 0, 0, 8, 0, 0, 0, 0, 0x5A, 0, 0, 0, 5, 0x49]
                    send(connection, welcome, welcome.count, Int32(MSG_NOSIGNAL))
                }
                // Cancelled: the loop's condition sees it.
                try? await Task.sleep(for: .milliseconds(5))
            }
            for connection in connections { close(connection) }
        }
    }

    deinit {
        serving.cancel()
        close(listener)
        unlink("\(directory)/.s.PGSQL.5432")
        rmdir(directory)
    }

    func database(_ change: (inout Database.Configuration) -> Void = { _ in }) throws -> Database {
        var configuration = Database.Configuration(connectionString: "postgresql://me@/x?host=\(directory)")
        configuration.connectTimeout = .seconds(4)
        change(&configuration)
        return try Database(configuration, logger: quiet)
    }
}

@Suite struct SilentServerTests {
    @Test func lookingAtTheLoginRoleEndsInTime() async throws {
        let server = SilentServer()
        let database = try server.database()
        let start = ContinuousClock.now
        let error = await databaseError { try await database.verifyLoginRole() }
        #expect(error?.kind == .unavailable(.noAnswer))
        #expect(.now - start < .seconds(20))
        _ = server
    }

    @Test func aNewConnectionThatIsNotAnsweredIsGivenUp() async throws {
        let server = SilentServer()
        let database = try server.database()
        let error = await databaseError {
            _ = try await database.query(Statement("select 1"), as: Fixture.alice, deadline: .soon)
        }
        #expect(error?.kind == .unavailable(.noAnswer))
        await database.shutdown()
        _ = server
    }

    @Test func shuttingDownWaitsForNoAnswerThatDoesNotCome() async throws {
        let server = SilentServer()
        let database = try server.database {
            $0.verifiesLoginRole = false
            // Longer than shutting down may take, so that it is not this that ends it.
            $0.connectTimeout = .seconds(60)
            $0.statementTimeout = .seconds(60)
        }
        let error = await databaseError {
            _ = try await database.query(
                Statement("select 1"), as: Fixture.alice, deadline: .now + .milliseconds(200))
        }
        #expect(error?.kind == .unavailable(.deadline))
        let start = ContinuousClock.now
        await database.shutdown(within: .milliseconds(200))
        #expect(.now - start < .seconds(20))
        _ = server
    }
}
