import DevHost
import Glibc
import PostgresClient
import Testing

/// The server goes away, and comes back.
@Suite struct OutageTests {
    @Test func aKilledBackendLeavesTheOutcomeUnknownAndTheNextCallerConnected() async throws {
        let fixture = try await Fixture()
        let database = try fixture.database()
        let holder = try await fixture.hold()
        let victim = Task {
            try await database.run(Transaction(as: Fixture.alice, [.addNote(1), .untilReleased]), deadline: .soon)
        }
        try await eventually("it was sent") { database.statistics.transactions == 1 }
        try await holder.query(
            Statement(
                """
                select pg_terminate_backend(pid) from pg_stat_activity
                where datname = current_database() and usename = 'pgtest_login'
                """))
        let error = await databaseError { _ = try await victim.value }
        #expect(error?.kind == .unavailable(.connectionLost))
        #expect(error?.outcomeUnknown == true)
        #expect(error?.sqlState == .adminShutdown)
        _ = try await database.query(.addNote(2), as: Fixture.alice, deadline: .soon)
        #expect(try await fixture.noteIDs() == [2])
        await database.shutdown()
        await holder.close()
    }

    @Test func anIdleConnectionThatTheServerEndedIsReplacedUnnoticed() async throws {
        let fixture = try await Fixture()
        let database = try fixture.database()
        let superuser = try await fixture.superuser()
        for _ in 0..<5 {
            _ = try await database.query(Statement("select 1"), as: Fixture.alice, deadline: .soon)
            try await superuser.query(
                Statement(
                    """
                    select pg_terminate_backend(pid, 5000) from pg_stat_activity
                    where datname = current_database() and usename = 'pgtest_login'
                    """))
        }
        _ = try await database.query(Statement("select 1"), as: Fixture.alice, deadline: .soon)
        #expect(database.statistics.connects == 6)
        await superuser.close()
        await database.shutdown()
    }

    @Test func aServerThatIsNotThereIsSaidAtOnceAndAskedAgainLater() async throws {
        var configuration = Database.Configuration(connectionString: "postgresql://me@/x?host=/nonexistent")
        configuration.reconnectDelay = .seconds(60)
        let database = try Database(configuration, logger: quiet)
        for _ in 0..<3 {
            let start = ContinuousClock.now
            let error = await databaseError {
                _ = try await database.query(Statement("select 1"), as: Fixture.alice, deadline: .soon)
            }
            #expect(error?.kind == .unavailable(.notConnected))
            #expect(error?.outcomeUnknown == false)
            #expect(ContinuousClock.now - start < .seconds(20))
        }
        await database.shutdown()
    }

    @Test func aServerThatAcceptsAndSaysNothingDoesNotHoldCallersForLong() async throws {
        let directory = "/tmp/pgtest-silent-\(UInt32.random(in: 0 ... .max))"
        mkdir(directory, 0o700)
        let listener = try silentListener(at: "\(directory)/.s.PGSQL.5432")
        defer {
            close(listener)
            unlink("\(directory)/.s.PGSQL.5432")
            rmdir(directory)
        }
        var configuration = Database.Configuration(connectionString: "postgresql://me@/x?host=\(directory)")
        configuration.connectTimeout = .seconds(4)
        let database = try Database(configuration, logger: quiet)
        let start = ContinuousClock.now
        let one = Statement("select 1")
        let impatient = Task { try await database.query(one, as: Fixture.alice, deadline: start + .milliseconds(500)) }
        let patient = Task { try await database.query(one, as: Fixture.alice, deadline: .soon) }
        // Which of the two is queued first does not matter: both wait for the same attempt.
        #expect(await databaseError { _ = try await impatient.value }?.kind == .unavailable(.deadline))
        #expect(await databaseError { _ = try await patient.value }?.kind == .unavailable(.notConnected))
        #expect(ContinuousClock.now - start < .seconds(30))
        await database.shutdown()
    }

    @Test func aRestartedServerIsFoundAgainWithoutOurRestart() async throws {
        let directory = "/tmp/pgtest-\(UInt32.random(in: 0 ... .max))"
        let link = "\(directory)/sockets"
        var cluster = try await PostgresCluster.start(in: directory, options: .temporary, logger: quiet)
        symlink(cluster.socketDirectory, link)
        var configuration = Database.Configuration(connectionString: "postgresql://postgres@/callwaiting?host=\(link)")
        configuration.verifiesLoginRole = false
        let database = try Database(configuration, logger: quiet)
        let one = Statement("select 1 as n")
        let role = DatabaseRole("postgres")
        for _ in 0..<2 {
            _ = try await database.query(one, as: role, deadline: .soon)
            try await cluster.stop()
            let start = ContinuousClock.now
            let error = await databaseError { _ = try await database.query(one, as: role, deadline: .soon) }
            #expect(error?.kind == .unavailable(.notConnected))
            #expect(ContinuousClock.now - start < .seconds(20))
            cluster = try await PostgresCluster.start(in: directory, options: .temporary, logger: quiet)
            unlink(link)
            symlink(cluster.socketDirectory, link)
            try await eventually("the database answers again") {
                do throws(DatabaseError) {
                    return try await database.query(one, as: role, deadline: .soon).count == 1
                } catch {
                    return false
                }
            }
        }
        await database.shutdown()
        try await cluster.stop()
        try await PostgresCluster.remove(directory, logger: quiet)
    }

    private func silentListener(at path: String) throws -> Int32 {
        let listener = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
        let bound = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(listener, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        try #require(bound == 0 && listen(listener, 8) == 0)
        return listener
    }

    @Test func whatIsDurableGoesOverTheFastLaneWhenThereIsNoOtherConnection() async throws {
        let directory = "/tmp/pgtest-full-\(UInt32.random(in: 0 ... .max))"
        let cluster = try await PostgresCluster.start(in: directory, options: .temporary, logger: quiet)
        let owner = try await PlainConnection(cluster.databaseURL, logger: quiet)
        try await owner.execute("create role lonely login connection limit 1")
        await owner.close()
        var configuration = Database.Configuration(connectionString: cluster.url(user: "lonely"))
        configuration.connections = 1
        let database = try Database(configuration, logger: quiet)
        let one = Statement("select 1 as n")
        let role = DatabaseRole("lonely")
        for lane in [Lane.fast, .durable, .durable] {
            #expect(try await database.query(one, as: role, lane: lane, deadline: .soon).count == 1)
        }
        #expect(database.statistics(of: .fast).transactions == 3)
        #expect(database.statistics(of: .durable).failedConnects > 0)
        await database.shutdown()
        try await cluster.stop()
        try await PostgresCluster.remove(directory, logger: quiet)
    }
}
