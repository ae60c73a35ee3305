import PostgresClient
import Testing

@Suite struct PlainConnectionTests {
    @Test func aScriptIsOneTransactionUnlessItSaysOtherwise() async throws {
        let fixture = try await Fixture()
        let connection = try await fixture.superuser()
        _ = await databaseError {
            try await connection.execute("insert into notes (id) values (1); insert into notes (id) values (1)")
        }
        #expect(try await fixture.noteIDs() == [])
        try await connection.execute("begin; insert into notes (id) values (1)")
        _ = await databaseError { try await connection.execute("select 1/0") }
        try await connection.execute("rollback")
        try await connection.execute("insert into notes (id) values (2); insert into notes (id) values (3)")
        #expect(try await fixture.noteIDs() == [2, 3])
        await connection.close()
    }

    @Test func anAdvisoryLockExcludesAnotherSession() async throws {
        let fixture = try await Fixture()
        let holder = try await fixture.hold()
        let other = try await fixture.superuser()
        let attempt = Statement("select pg_try_advisory_lock(1) as got")
        #expect(try await other.query(attempt).one().decode("got") == false)
        try await holder.release()
        #expect(try await other.query(attempt).one().decode("got") == true)
        await other.close()
        await holder.close()
    }

    @Test func notificationsArriveAndTheWaitEndsAtItsDeadline() async throws {
        let fixture = try await Fixture()
        let listener = try await fixture.superuser()
        try await listener.execute("listen news")
        #expect(try await listener.notification(before: .now + .milliseconds(20)) == nil)
        let waiting = Task { try await listener.notification(before: .soon) }
        let sender = try await fixture.superuser()
        try await sender.query(Statement("select pg_notify('news', $1)", ["hello"]))
        let received = try #require(try await waiting.value)
        #expect(received.channel == "news")
        #expect(received.payload == "hello")
        await sender.close()
        await listener.close()
    }

    @Test func cancellingEndsAWaitAndStopsAStatement() async throws {
        let fixture = try await Fixture()
        let connection = try await fixture.superuser()
        let waiting = Task { try await connection.notification(before: .soon) }
        waiting.cancel()
        #expect(await databaseError { _ = try await waiting.value }?.kind == .cancelled)
        let holder = try await fixture.hold()
        let running = Task { try await connection.query(Statement("select pg_advisory_lock(1)")) }
        try await eventually("it waits for the lock") {
            let rows = try await holder.query(
                Statement("select from pg_stat_activity where wait_event = 'advisory' and datname = current_database()")
            )
            return !rows.isEmpty
        }
        running.cancel()
        #expect(await databaseError { _ = try await running.value }?.sqlState == .queryCanceled)
        await connection.close()
        await holder.close()
    }

    @Test func failingToConnectIsAnErrorWithoutThePassword() async throws {
        let error = await databaseError {
            _ = try await PlainConnection("postgresql://me:s3cret@/x?host=/nonexistent", logger: quiet)
        }
        #expect(error?.kind == .unavailable(.notConnected))
        #expect(error?.debugDescription.contains("s3cret") == false)
        let malformed = await databaseError {
            _ = try await PlainConnection("postgresql://me:s3cret@[", logger: quiet)
        }
        #expect(malformed?.kind == .invalidConnectionString)
        #expect(malformed?.debugDescription.contains("s3cret") == false)
    }

    @Test func aClosedConnectionSaysSo() async throws {
        let connection = try await Fixture().superuser()
        await connection.close()
        let error = await databaseError { try await connection.execute("select 1") }
        #expect(error?.kind == .unavailable(.shutDown))
    }
}
