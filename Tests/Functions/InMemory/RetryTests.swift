import Synchronization
import Testing

@testable import Metering
@testable import PostgresClient

/// Asking again while the database is away.
@Suite struct RetryTests {
    /// Throws each of `errors` in turn, then succeeds.
    private func attempts(_ errors: [DatabaseError], until deadline: Duration) async throws -> Int {
        let calls = Mutex(0)
        return try await retryingWhileUnavailable(until: .now + deadline) {
            let call = calls.withLock { calls in
                calls += 1
                return calls
            }
            if call <= errors.count { throw errors[call - 1] }
            return call
        }
    }

    private let refused = DatabaseError(.unavailable(.notConnected), "down")
    private let lost = DatabaseError(.unavailable(.connectionLost), "gone", outcomeUnknown: true)

    @Test("what is unavailable is asked again until it answers")
    func recovers() async throws {
        #expect(try await attempts([refused, lost, refused], until: .seconds(30)) == 4)
    }

    @Test("an attempt whose outcome is unknown is not forgotten over one that was refused for certain")
    func remembersTheUnknown() async throws {
        let error = await #expect(throws: DatabaseError.self) {
            try await attempts([lost] + Array(repeating: refused, count: 50), until: .milliseconds(120))
        }
        #expect(error?.outcomeUnknown == true)
    }

    @Test("what no waiting mends is thrown at once")
    func permanent() async throws {
        let error = await #expect(throws: DatabaseError.self) {
            try await attempts([DatabaseError(.sqlState("23505"), "twice")], until: .seconds(30))
        }
        #expect(error?.kind == .sqlState("23505"))
    }
}
