import PostgresClient
import Testing

/// Callers that give up, and callers that are turned away.
@Suite struct PatienceTests {
    @Test func cancellingBeforeSendingDropsTheTransaction() async throws {
        let fixture = try await Fixture()
        let database = try fixture.database()
        let holder = try await fixture.hold()
        async let first = database.query(.untilReleased, as: Fixture.alice, deadline: .soon)
        try await eventually("the first was sent") { database.statistics.transactions == 1 }
        let unsent = Task { try await database.query(.addNote(1), as: Fixture.alice, deadline: .soon) }
        try await eventually("one waits") { database.statistics.waiting == 1 }
        unsent.cancel()
        let error = await databaseError { _ = try await unsent.value }
        #expect(error?.kind == .cancelled)
        #expect(error?.outcomeUnknown == false)
        #expect(database.statistics.waiting == 0)
        try await holder.release()
        _ = try await first
        _ = try await database.query(.addNote(2), as: Fixture.alice, deadline: .soon)
        #expect(try await fixture.noteIDs() == [2])
        await database.shutdown()
        await holder.close()
    }

    @Test func cancellingAfterSendingReturnsAtOnceAndDropsTheAnswer() async throws {
        let fixture = try await Fixture()
        let database = try fixture.database()
        let holder = try await fixture.hold()
        let sent = Task {
            try await database.run(Transaction(as: Fixture.alice, [.untilReleased, .addNote(1)]), deadline: .soon)
        }
        try await eventually("it was sent") { database.statistics.transactions == 1 }
        sent.cancel()
        let error = await databaseError { _ = try await sent.value }
        #expect(error?.kind == .cancelled)
        #expect(error?.outcomeUnknown == true)
        try await holder.release()
        _ = try await database.query(.addNote(2), as: Fixture.alice, deadline: .soon)
        #expect(try await fixture.noteIDs() == [1, 2])
        #expect(database.statistics.connects == 1)
        await database.shutdown()
        await holder.close()
    }

    @Test func aShieldedTransactionIgnoresCancellation() async throws {
        let fixture = try await Fixture()
        let database = try fixture.database()
        let holder = try await fixture.hold()
        let shielded = Task {
            try await database.run(
                Transaction(as: Fixture.alice, shielded: true, [.untilReleased, .addNote(1)]), deadline: .soon)
        }
        try await eventually("it was sent") { database.statistics.transactions == 1 }
        shielded.cancel()
        let late = Task {
            withUnsafeCurrentTask { $0?.cancel() }
            return try await database.query(.addNote(2), as: Fixture.alice, shielded: true, deadline: .soon)
        }
        try await eventually("the second waits though cancelled") { database.statistics.waiting == 1 }
        try await holder.release()
        _ = try await (shielded.value, late.value)
        #expect(try await fixture.noteIDs() == [1, 2])
        await database.shutdown()
        await holder.close()
    }

    @Test func aTaskCancelledBeforehandSendsNothing() async throws {
        let fixture = try await Fixture()
        let database = try fixture.database()
        let task = Task {
            withUnsafeCurrentTask { $0?.cancel() }
            _ = try await database.query(.addNote(1), as: Fixture.alice, deadline: .soon)
        }
        #expect(await databaseError { try await task.value }?.kind == .cancelled)
        #expect(database.statistics.transactions == 0)
        await database.shutdown()
    }

    @Test func aFullQueueTurnsAwayAtOnce() async throws {
        let fixture = try await Fixture()
        let database = try fixture.database { $0.queueLimit = 2 }
        let holder = try await fixture.hold()
        async let first = database.query(.untilReleased, as: Fixture.alice, deadline: .soon)
        try await eventually("the first was sent") { database.statistics.transactions == 1 }
        async let second = database.query(.addNote(1), as: Fixture.alice, deadline: .soon)
        async let third = database.query(.addNote(2), as: Fixture.alice, deadline: .soon)
        try await eventually("two wait") { database.statistics.waiting == 2 }
        let error = await databaseError {
            _ = try await database.query(.addNote(3), as: Fixture.alice, deadline: .soon)
        }
        #expect(error?.kind == .unavailable(.queueFull))
        #expect(error?.outcomeUnknown == false)
        try await holder.release()
        _ = try await (first, second, third)
        #expect(try await fixture.noteIDs() == [1, 2])
        await database.shutdown()
        await holder.close()
    }

    @Test func aDeadlineEndsTheWaitOfTheSentAndOfTheUnsent() async throws {
        let fixture = try await Fixture()
        let database = try fixture.database()
        let holder = try await fixture.hold()
        _ = try await database.query(Statement("select 1"), as: Fixture.alice, deadline: .soon)
        let start = ContinuousClock.now
        let deadline = start + .seconds(6)
        let sent = Task { try await database.query(.untilReleased, as: Fixture.alice, deadline: deadline) }
        try await eventually("the first was sent") { database.statistics.transactions == 2 }
        let unsent = Task { try await database.query(.addNote(1), as: Fixture.alice, deadline: deadline) }
        let first = await databaseError { _ = try await sent.value }
        let second = await databaseError { _ = try await unsent.value }
        #expect(first?.kind == .unavailable(.deadline))
        #expect(first?.outcomeUnknown == true)
        #expect(second?.kind == .unavailable(.deadline))
        #expect(second?.outcomeUnknown == false)
        #expect(ContinuousClock.now - start < .seconds(30))
        try await holder.release()
        _ = try await database.query(.addNote(2), as: Fixture.alice, deadline: .soon)
        #expect(try await fixture.noteIDs() == [2])
        await database.shutdown()
        await holder.close()
    }

    @Test func shuttingDownDoesWhatWaitsAndRefusesWhatComes() async throws {
        let fixture = try await Fixture()
        let database = try fixture.database()
        let holder = try await fixture.hold()
        async let first = database.query(.untilReleased, as: Fixture.alice, deadline: .soon)
        try await eventually("the first was sent") { database.statistics.transactions == 1 }
        async let second = database.query(.addNote(1), as: Fixture.alice, deadline: .soon)
        try await eventually("one waits") { database.statistics.waiting == 1 }
        async let end: Void = database.shutdown()
        try await eventually("nothing more is accepted") {
            do throws(DatabaseError) {
                _ = try await database.query(.addNote(2), as: Fixture.alice, deadline: .now + .milliseconds(50))
                return false
            } catch {
                return error.kind == .unavailable(.shutDown)
            }
        }
        try await holder.release()
        _ = try await (first, second)
        await end
        #expect(try await fixture.noteIDs() == [1])
        #expect(database.statistics.connected == 0)
        await holder.close()
    }
}
