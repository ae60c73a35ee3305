import DevHost
import Glibc
import PostgresClient
import Testing

/// Prints transactions a second; run by `CALLWAITING_BENCHMARK=1 swift test -c release --filter PostgresBenchmark`.
@Suite(.enabled(if: getenv("CALLWAITING_BENCHMARK") != nil), .serialized) struct PostgresBenchmark {
    private static let seconds = 3

    private func measure(_ name: String, tasks: Int, _ body: @escaping @Sendable () async throws -> Void) async throws {
        let end = ContinuousClock.now + .seconds(Self.seconds)
        let total = try await withThrowingTaskGroup(of: Int.self) { group in
            for _ in 0..<tasks {
                group.addTask {
                    var count = 0
                    while ContinuousClock.now < end {
                        try await body()
                        count += 1
                    }
                    return count
                }
            }
            return try await group.reduce(0, +)
        }
        #expect(total > 0)
        print("\(name): \(total / Self.seconds) transactions/s")
    }

    private static let select = Statement("select who from public.notes where id = $1", [1])

    @Test func separateStatements() async throws {
        let fixture = try await Fixture()
        let connection = try await PlainConnection(fixture.loginURL, logger: quiet)
        try await measure("separate statements, 1 caller", tasks: 1) {
            try await connection.execute("begin")
            try await connection.query(Statement("select set_config('role', $1, true)", ["pgtest_alice"]))
            try await connection.query(Statement("select set_config('request.jwt.claims', $1, true)", ["{}"]))
            try await connection.query(Self.select)
            try await connection.execute("commit")
        }
        await connection.close()
    }

    @Test(arguments: [
        (1, 1, true, true), (1, 8, true, true), (1, 64, true, true), (1, 64, false, true), (1, 64, true, false),
        (2, 8, true, true), (2, 64, true, true), (4, 64, true, true), (2, 256, true, true),
    ])
    func pipelined(connections: Int, callers: Int, batch: Bool, prepared: Bool) async throws {
        let fixture = try await Fixture()
        let database = try fixture.database {
            $0.connections = connections
            $0.batch = batch
            $0.prepared = prepared ? .always : .never
        }
        let name = "\(connections) connections, \(callers) callers, batch \(batch), prepared \(prepared)"
        try await measure(name, tasks: callers) {
            _ = try await database.query(Self.select, as: Fixture.alice, claims: "{}", deadline: .soon)
        }
        print("  \(database.statistics)")
        await database.shutdown()
    }
}
