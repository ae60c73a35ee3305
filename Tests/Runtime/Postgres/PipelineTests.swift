import Testing

@testable import PostgresClient

/// The order of things, without a server.
@Suite struct PipelineTests {
    private let role = DatabaseRole("alice")

    private func job(_ statements: [Statement] = []) -> Job {
        Job(Transaction(as: role, statements), deadline: .soon)
    }

    private func isFinished(_ event: Pipeline.Event) -> Bool {
        if case .finished = event { true } else { false }
    }

    private func isConfused(_ event: Pipeline.Event) -> Bool {
        if case .confused = event { true } else { false }
    }

    @Test func anErrorBelongsToItsTransactionAndTheNextOneStartsClean() {
        var pipeline = Pipeline()
        pipeline.append(job(), steps: [.settings, .sync])
        pipeline.append(job(), steps: [.settings, .sync])
        _ = pipeline.receive(.failed(DatabaseError(.sqlState("42501"), "")))
        pipeline.endOfCommand()
        guard case .finished(_, .failure(let error)) = pipeline.receive(.synced) else {
            Issue.record("the first transaction did not fail")
            return
        }
        #expect(error.sqlState == "42501")
        #expect(pipeline.currentFailure == nil)
        #expect(pipeline.transactions.count == 1)
    }

    @Test func nothingBeforeTheSyncFinishesATransaction() {
        var pipeline = Pipeline()
        let key = PreparedStatements.Key(role: role, sql: "select 1")
        pipeline.append(job(), steps: [.settings, .prepare(key), .statement(Statement("select 1")), .sync])
        for _ in 0..<3 {
            #expect(!isFinished(pipeline.receive(.skipped)))
            pipeline.endOfCommand()
            pipeline.endOfCommand()
        }
        #expect(isFinished(pipeline.receive(.synced)))
        #expect(pipeline.isEmpty)
    }

    @Test func anAnswerOutOfStepIsNoticed() {
        var early = Pipeline()
        early.append(job(), steps: [.settings, .sync])
        #expect(isConfused(early.receive(.synced)))
        var none = Pipeline()
        #expect(isConfused(none.receive(.skipped)))
        var late = Pipeline()
        late.append(job(), steps: [.sync])
        #expect(isConfused(late.receive(.skipped)))
    }

    @Test func aStatementIsPreparedOnlyOnceItsParseIsAnswered() {
        var prepared = PreparedStatements(isOn: true)
        let key = PreparedStatements.Key(role: role, sql: "select 1")
        var first: Set<PreparedStatements.Key> = []
        var second: Set<PreparedStatements.Key> = []
        #expect(prepared.use(key, inSameTransaction: &first) == .prepareThenExecute(name: "cw1"))
        #expect(prepared.use(key, inSameTransaction: &first) == .execute(name: "cw1"))
        #expect(prepared.use(key, inSameTransaction: &second) == .whole)
        prepared.answered(key, succeeded: false)
        #expect(prepared.use(key, inSameTransaction: &second) == .prepareThenExecute(name: "cw2"))
        prepared.answered(key, succeeded: true)
        var third: Set<PreparedStatements.Key> = []
        #expect(prepared.use(key, inSameTransaction: &third) == .execute(name: "cw2"))
        let other = PreparedStatements.Key(role: DatabaseRole("bob"), sql: "select 1")
        #expect(prepared.use(other, inSameTransaction: &third) == .prepareThenExecute(name: "cw3"))
    }

    @Test func aConnectionPreparesABoundedNumberOfStatements() {
        var prepared = PreparedStatements(isOn: true)
        for n in 0...PreparedStatements.limit {
            var here: Set<PreparedStatements.Key> = []
            let use = prepared.use(.init(role: role, sql: "select \(n)"), inSameTransaction: &here)
            #expect((use == .whole) == (n == PreparedStatements.limit))
        }
    }

    @Test func delaysDoubleUpToALimit() {
        let limits = LaneQueue.Limits(queue: 1, batch: 1, firstDelay: .milliseconds(100), longestDelay: .seconds(2))
        let delays = [0, 1, 2, 4, 5, 63].map { limits.delay(afterFailures: $0) }
        #expect(delays == [100, 200, 400, 1600, 2000, 2000].map { .milliseconds($0) })
    }

    @Test(arguments: [
        ("postgresql://u@db.example/x", false), ("postgresql://u@db.example:6543/x", true),
        ("postgresql://u@aws-0-eu.pooler.supabase.com:5432/x", true), ("postgresql://u@/x?host=/tmp/a&port=6543", true),
        ("host=a,b port=5432,6543", true), ("postgresql://u@notpooler.supabase.com.example/x", false),
    ])
    func aTransactionPoolerIsKnownByItsPortOrHost(url: String, isPooler: Bool) throws {
        let target = try ConnectionTarget(url, applicationName: "t", connectTimeout: .seconds(1))
        #expect(target.isTransactionPooler == isPooler)
    }

    @Test func parametersAreTerminatedTextsAndNulls() {
        let parameters = Parameters(["a", nil, "", [0xab, 0x00] as [UInt8], 1.5, true, -7])
        let texts = parameters.withPointers { count, pointers in
            (0..<Int(count)).map { index in pointers?[index].map { String(cString: $0) } }
        }
        #expect(texts == ["a", nil, "", "\\xab00", "1.5", "true", "-7"])
        #expect(Statement("select $1", ["secret"]).description == "select $1 [1 parameters]")
    }

    @Test(arguments: [
        (DatabaseError.Kind.unavailable(.queueFull), true), (.sqlState("08006"), true), (.sqlState("53300"), true),
        (.sqlState("57P03"), true), (.sqlState("57014"), true), (.sqlState("40P01"), true), (.sqlState("25006"), true),
        (.sqlState("23505"), false), (.sqlState("57000"), false), (.cancelled, false), (.decoding, false),
    ])
    func someErrorsMeanTryAgainLater(kind: DatabaseError.Kind, meansUnavailable: Bool) {
        #expect(DatabaseError(kind, "").meansUnavailable == meansUnavailable)
    }
}
