import Testing

@testable import PostgresClient

@Suite struct BatchTests {
    /// Runs `count` transactions that all wait behind one that is held up, and returns what the connection did.
    private func statistics(
        of count: Int, _ change: (inout Database.Configuration) -> Void
    ) async throws -> Database.Statistics {
        let fixture = try await Fixture()
        let database = try fixture.database(change)
        let holder = try await fixture.hold()
        async let first = database.query(.untilReleased, as: Fixture.alice, deadline: .soon)
        try await eventually("the first was sent") { database.statistics.transactions == 1 }
        try await withThrowingTaskGroup(of: Int.self) { group in
            for n in 0..<count {
                group.addTask {
                    let rows = try await database.query(
                        Statement("select $1::int as n", [n]), as: n % 2 == 0 ? Fixture.alice : Fixture.bob,
                        deadline: .soon)
                    return try rows.one().decode("n", as: Int.self) - n
                }
            }
            try await eventually("all wait") { database.statistics.waiting == count }
            try await holder.release()
            for try await difference in group { #expect(difference == 0) }
        }
        _ = try await first
        defer { Task { await holder.close() } }
        let statistics = database.statistics
        await database.shutdown()
        return statistics
    }

    @Test func oneThatIsHeldUpHoldsUpNobodyElse() async throws {
        let fixture = try await Fixture()
        let database = try fixture.database { $0.connections = 2 }
        let holder = try await fixture.hold()
        async let first = database.query(.untilReleased, as: Fixture.alice, deadline: .soon)
        try await eventually("the first was sent") { database.statistics.transactions == 1 }
        for n in 0..<10 {
            let rows = try await database.query(
                Statement("select $1::int as n", [n]), as: Fixture.bob, deadline: .soon)
            #expect(try rows.one().decode("n", as: Int.self) == n)
        }
        #expect(database.statistics.connected == 2)
        try await holder.release()
        _ = try await first
        await holder.close()
        await database.shutdown()
    }

    @Test func whatWaitsIsSentTogether() async throws {
        let statistics = try await statistics(of: 40) { _ in }
        #expect(statistics.transactions == 41)
        #expect(statistics.batches == 2)
        #expect(statistics.largestBatch == 40)
    }

    @Test func aBatchHasALimit() async throws {
        let statistics = try await statistics(of: 40) { $0.batchLimit = 16 }
        #expect(statistics.batches == 4)
        #expect(statistics.largestBatch == 16)
    }

    @Test func withoutBatchesOneSyncIsInFlight() async throws {
        let statistics = try await statistics(of: 12) { $0.batch = false }
        #expect(statistics.batches == 13)
        #expect(statistics.largestBatch == 1)
    }

    @Test func theTransactionPoolerGetsNeitherBatchesNorPreparedStatements() async throws {
        let fixture = try await Fixture()
        let database = try fixture.database { $0.connectionString += "&port=6543" }
        // Nothing listens there: what is looked at is the socket's name in the error.
        let error = await databaseError {
            _ = try await database.query(Statement("select 1"), as: Fixture.alice, deadline: .soon)
        }
        #expect(error?.message.contains(".s.PGSQL.6543") == true)
        await database.shutdown()
    }

    @Test(arguments: [true, false]) func statementsArePreparedOnceOrNotAtAll(prepared: Bool) async throws {
        let fixture = try await Fixture()
        let database = try fixture.database { $0.prepared = prepared ? .always : .never }
        let count = Statement("select count(*)::int as n from pg_prepared_statements")
        for _ in 0..<5 { _ = try await database.query(count, as: Fixture.alice, deadline: .soon) }
        let rows = try await database.query(count, as: Fixture.alice, deadline: .soon)
        #expect(try rows.one().decode("n") == (prepared ? 2 : 0))
        await database.shutdown()
    }

    @Test func aStatementWhoseParseFailedIsAskedAgain() async throws {
        let fixture = try await Fixture()
        let database = try fixture.database()
        let early = Statement("select * from public.later")
        let error = await databaseError { _ = try await database.query(early, as: Fixture.alice, deadline: .soon) }
        #expect(error?.sqlState == "42P01")
        let superuser = try await fixture.superuser()
        try await superuser.execute("create table later (n int); grant select on later to pgtest_alice")
        #expect(try await database.query(early, as: Fixture.alice, deadline: .soon).isEmpty)
        await superuser.close()
        await database.shutdown()
    }

    @Test func aChangedResultTypeReplacesTheConnectionAndNobodyNotices() async throws {
        let fixture = try await Fixture()
        let superuser = try await fixture.superuser()
        try await superuser.execute("create table shape (a int); grant select on shape to pgtest_alice")
        let database = try fixture.database()
        let all = Statement("select * from public.shape")
        _ = try await database.query(all, as: Fixture.alice, deadline: .soon)
        try await superuser.execute("alter table shape add column b int")
        let rows = try await database.query(all, as: Fixture.alice, deadline: .soon)
        #expect(rows.columns == ["a", "b"])
        #expect(database.statistics.connects == 2)
        await superuser.close()
        await database.shutdown()
    }

    @Test func aForgottenPreparedStatementReplacesTheConnection() async throws {
        let fixture = try await Fixture()
        let database = try fixture.database()
        let one = Statement("select 1 as n")
        _ = try await database.query(one, as: Fixture.alice, deadline: .soon)
        _ = try await database.query(Statement("deallocate all"), as: Fixture.alice, deadline: .soon)
        #expect(try await database.query(one, as: Fixture.alice, deadline: .soon).one().decode("n") == 1)
        #expect(database.statistics.connects == 2)
        await database.shutdown()
    }

    @Test func connectionsAreMadeWhenThereIsWorkForThem() async throws {
        let fixture = try await Fixture()
        let database = try fixture.database { $0.connections = 3 }
        #expect(database.statistics.connected == 0)
        for _ in 0..<5 {
            _ = try await database.query(Statement("select 1"), as: Fixture.alice, deadline: .soon)
            // A caller may have its answer before the connection is free again; asking then would be work for two.
            try await eventually("it is free again") { database.statistics.busy == 0 }
        }
        #expect(database.statistics.connects == 1)
        let holder = try await fixture.hold()
        async let first = database.query(.untilReleased, as: Fixture.alice, deadline: .soon)
        try await eventually("the first is under way") { database.statistics.transactions == 6 }
        async let second = database.query(.untilReleased, as: Fixture.alice, deadline: .soon)
        try await eventually("both are under way") { database.statistics.transactions == 7 }
        #expect(database.statistics.connects == 2)
        try await holder.release()
        _ = try await (first, second)
        await database.shutdown()
        await holder.close()
    }

    @Test func theSlowLaneDoesNotHoldUpTheFastOne() async throws {
        let fixture = try await Fixture()
        let database = try fixture.database()
        let holder = try await fixture.hold()
        async let slow = database.query(.untilReleased, as: Fixture.alice, lane: .slow, deadline: .soon)
        try await eventually("the slow one is under way") { database.statistics.transactions == 1 }
        _ = try await database.query(Statement("select 1"), as: Fixture.alice, deadline: .soon)
        try await holder.release()
        _ = try await slow
        await database.shutdown()
        await holder.close()
    }
}
