import AudioStore
import FunctionCore
import FunctionTesting
import PostgresClient
import Problems
import Synchronization
import Testing
import Voice

@testable import Metering

/// What a delivery comes to when what it stands on fails. That nothing is charged then is proved end to end; here it is
/// the order of things.
@Suite struct MeteredDeliveryTests {
    /// Remembers what it was asked for, and fails when told to.
    private final class ScriptedStore: AudioStore {
        let fails: Bool
        private let log = Mutex<[String]>([])
        init(fails: Bool) { self.fails = fails }
        var calls: [String] { log.withLock { $0 } }

        func store(_ audio: [UInt8], as id: AudioID) async throws(AudioStoreError) {
            log.withLock { $0.append("store") }
            if fails { throw AudioStoreError(.full, "no space left") }
        }

        func open(_ id: AudioID) async throws(AudioStoreError) -> (any StoredAudio)? { nil }

        func delete(_ id: AudioID) async throws(AudioStoreError) -> Bool {
            log.withLock { $0.append("delete") }
            return true
        }

        func deleteLeftovers(olderThan age: Duration) async throws(AudioStoreError) -> Int { 0 }
    }

    private func context() -> Context {
        Context(
            requestID: RequestID(), deadline: .now + .milliseconds(300), logger: LogRecorder().logger,
            publicURL: "https://x")
    }

    private func noDatabase() throws -> Database {
        try Database(
            .init(connectionString: "postgresql://nobody@/nowhere?host=/tmp/there-is-no-such-directory"),
            logger: LogRecorder().logger)
    }

    private func delivery(_ store: ScriptedStore) throws -> MeteredDelivery {
        let database = try noDatabase()
        let signer = try #require(AudioSigner(keys: String(repeating: "k", count: 32)))
        return MeteredDelivery(
            meter: Meter(database: database, lease: .seconds(100)), store: store, signer: signer, lifetime: .seconds(60)
        )
    }

    @Test("speech that cannot be stored is not settled, and the caller reads 503 storage_unavailable")
    func full() async throws {
        let store = ScriptedStore(fails: true)
        let error = await #expect(throws: AudioStoreError.self) {
            try await delivery(store).deliver(
                Speech(audio: [1], milliseconds: 1), under: .test, as: .voice, in: context())
        }
        #expect(error.map { Problem.translate($0)?.kind } == .storageUnavailable)
        #expect(store.calls == ["store"])
    }

    @Test("a recording whose charge certainly was not committed is removed again")
    func notSettled() async throws {
        let store = ScriptedStore(fails: false)
        let speech = Speech(audio: [1], milliseconds: 1)
        let error = await #expect(throws: DatabaseError.self) {
            try await delivery(store).deliver(speech, under: .test, as: .voice, in: context())
        }
        #expect(error?.outcomeUnknown == false)
        #expect(speech.audio.isEmpty, "once stored it is not kept for the charge")
        #expect(speech.byteCount == 1)
        #expect(store.calls == ["store", "delete"])
    }

    @Test("one whose time is over is not settled with others, who have longer")
    func late() async throws {
        func settlement(within time: Duration) -> Settlement {
            Settlement(
                reservation: .test,
                usage: Usage(
                    kind: .voice, milliseconds: 1, audio: .init(id: .random(count: 16), byteCount: 1, expires: 1)),
                deadline: .now + time)
        }
        let results = await Settlement.settle(
            [settlement(within: .zero), settlement(within: .seconds(60)), settlement(within: .zero)],
            lockTimeout: .seconds(1), in: try noDatabase())
        #expect(results.map { $0 == nil } == [true, false, true])
        #expect(throws: DatabaseError.self) { try results[1]?.get() }
        let error = await #expect(throws: DatabaseError.self) {
            try await settlement(within: .zero).settleAlone(in: try noDatabase())
        }
        #expect(error?.outcomeUnknown == false)
    }

    @Test("what making throws is what the caller gets, though the hold cannot be released")
    func makingFails() async throws {
        let store = ScriptedStore(fails: false)
        await #expect(throws: ReplyError.nothingToSay) {
            try await delivery(store).making(under: .test, in: context()) { throw ReplyError.nothingToSay }
        }
        #expect(store.calls.isEmpty)
    }
}

extension Reservation {
    fileprivate static let test = Reservation(id: "6b1f2c7e-0000-4000-8000-0000000000aa", held: 1, isKeyed: false)
}
