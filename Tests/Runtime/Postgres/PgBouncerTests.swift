import DevHost
import Glibc
import Synchronization
import Testing

@testable import PostgresClient

/// Behind the real PgBouncer in transaction mode: what one transaction sets is never seen by another, whatever happens
/// to either. Skipped where Debian's pgbouncer is not installed, but not in CI.
@Suite(
    .serialized, .timeLimit(.minutes(2)),
    .enabled(if: PgBouncer.isInstalled || getenv("CI") != nil, "pgbouncer is not installed"))
struct PgBouncerTests {
    /// What a transaction sees of itself, and a row that says the same for later.
    private static let witness = Statement(
        """
        insert into public.witnessed (claims, who)
        select current_setting('request.jwt.claims', true), current_user
        returning claims, who, current_setting('statement_timeout') as patience
        """)

    private func fixture() async throws -> Fixture {
        let fixture = try await Fixture()
        let superuser = try await fixture.superuser()
        try await superuser.execute(
            """
            create table public.witnessed (claims text, who text);
            grant insert, select on public.witnessed to pgtest_alice, pgtest_bob;
            """)
        await superuser.close()
        return fixture
    }

    private func pooled(
        _ pgBouncer: PgBouncer, _ fixture: Fixture, _ change: (inout Database.Configuration) -> Void = { _ in }
    ) throws -> Database {
        try fixture.database {
            $0.connectionString = pgBouncer.url
            change(&$0)
        }
    }

    /// A tenant's transaction, as the storm sends it.
    private struct Tenant {
        let number: Int
        var role: DatabaseRole { number.isMultiple(of: 2) ? Fixture.alice : Fixture.bob }
        var claims: String { #"{"sub":"tenant-\#(number)"}"# }

        /// - Returns: whether it was done and saw exactly itself.
        /// - Throws: what the database said.
        func witness(_ database: Database, then statements: [Statement] = []) async throws(DatabaseError) -> Bool {
            let rows = try await database.run(
                Transaction(as: role, claims: claims, [PgBouncerTests.witness] + statements), deadline: .soon)
            let row = try rows[0].one()
            let (seen, who) = (try row.decode("claims", as: String.self), try row.decode("who", as: String.self))
            return seen == claims && who == role.name
        }
    }

    /// How many transactions of a storm ended how.
    private final class Tally: Sendable {
        struct Counts {
            var (seen, failed, cancelled, lost) = (0, 0, 0, 0)
        }

        private let counts = Mutex(Counts())
        var current: Counts { counts.withLock { $0 } }
        func note(_ change: (inout Counts) -> Void) { counts.withLock { change(&$0) } }
    }

    /// One transaction of the storm: most are plain, a tenth fail in Postgres, a tenth are cancelled.
    private func run(_ tenant: Tenant, on database: Database, _ tally: Tally) async {
        switch tenant.number % 10 {
        case 3:
            let error = await error { () throws(DatabaseError) in
                _ = try await tenant.witness(database, then: [Statement("select 1 / 0")])
            }
            #expect(error?.sqlState == "22012" || error?.meansLoss == true, "\(error?.debugDescription ?? "none")")
            tally.note { $0.failed += 1 }
        case 7:
            let doomed = Task { try await tenant.witness(database) }
            if tenant.number.isMultiple(of: 2) { await Task.yield() }
            doomed.cancel()
            if case .success(let isItself) = await doomed.result { #expect(isItself) }
            tally.note { $0.cancelled += 1 }
        default:
            do throws(DatabaseError) {
                let isItself = try await tenant.witness(database)
                #expect(isItself, "\(tenant.claims)")
                tally.note { $0.seen += 1 }
            } catch {
                #expect(error.meansLoss, "\(error.debugDescription)")
                tally.note { $0.lost += 1 }
                // While nobody is connected the next would be lost at once, and so on until none are left. A cancelled
                // task need not wait.
                try? await Task.sleep(for: .milliseconds(100))
            }
        }
    }

    @Test("thousands of transactions of many tenants see exactly their own role and claims, amid errors and lost ends")
    func storm() async throws {
        let fixture = try await fixture()
        try await PgBouncer.with(fixture) { pgBouncer in
            // Two processes' worth of connections, over fewer of Postgres's.
            let databases = try (0..<2).map { _ in try pooled(pgBouncer, fixture) { $0.connections = 3 } }
            let (tasks, rounds) = (32, 150)
            let tally = Tally()
            try await withThrowingTaskGroup(of: Void.self) { group in
                for task in 0..<tasks {
                    group.addTask {
                        for round in 0..<rounds {
                            let tenant = Tenant(number: task * rounds + round)
                            await run(tenant, on: databases[tenant.number % 2], tally)
                        }
                    }
                }
                group.addTask { try await disturb(pgBouncer, fixture, tally, until: 2_001) }
                try await group.waitForAll()
            }
            let total = tally.current
            #expect(total.seen > 2_000, "\(total)")
            #expect(total.failed == tasks * rounds / 10, "\(total)")
            for database in databases { await database.shutdown() }
            try await expectTrueRows(fixture, atLeast: total.seen)
        }
    }

    /// Ends Postgres's processes under PgBouncer, and leaves sessions behind in which everything is set wrongly, until
    /// so many transactions have been seen.
    private func disturb(_ pgBouncer: PgBouncer, _ fixture: Fixture, _ tally: Tally, until enough: Int) async throws {
        let superuser = try await fixture.superuser()
        let deadline = ContinuousClock.now + .seconds(60)
        while tally.current.seen < enough, .now < deadline {
            let next = min(tally.current.seen + 64, enough)
            try await superuser.query(
                Statement(
                    """
                    select pg_terminate_backend(pid) from pg_stat_activity
                    where usename = 'pgtest_login' and pid <> pg_backend_pid() order by random() limit 1
                    """))
            // Another program behind the same pooler, which does not keep to transactions.
            do throws(DatabaseError) {
                let rude = try await PlainConnection(pgBouncer.url, logger: quiet)
                try await rude.query(
                    Statement(
                        """
                        select set_config('role', 'pgtest_bob', false),
                          set_config('request.jwt.claims', '{"sub":"somebody else"}', false)
                        """))
                await rude.close()
            } catch {
                // Its turn may be the one whose process was ended.
            }
            // Some are done in between, however slow the machine is; but it goes on when none are.
            let patience = ContinuousClock.now + .seconds(3)
            while tally.current.seen < next, .now < patience { try await Task.sleep(for: .milliseconds(5)) }
        }
        await superuser.close()
    }

    /// Every row that was kept names the role that its claims belong to, and nobody was kept who failed.
    private func expectTrueRows(_ fixture: Fixture, atLeast count: Int) async throws {
        let superuser = try await fixture.superuser()
        let rows = try await superuser.query(Statement("select claims, who from public.witnessed"))
        await superuser.close()
        #expect(rows.count >= count)
        for row in rows {
            let claims = try row.decode("claims", as: String.self)
            let number = try #require(Int(claims.filter(\.isNumber)), "\(claims)")
            let tenant = Tenant(number: number)
            #expect(claims == tenant.claims)
            #expect(try row.decode("who", as: String.self) == tenant.role.name)
            #expect(number % 10 != 3, "a transaction that failed left nothing")
        }
    }

    @Test("a batch goes out at once and comes back in order")
    func batches() async throws {
        let fixture = try await fixture()
        try await PgBouncer.with(fixture) { pgBouncer in
            let database = try pooled(pgBouncer, fixture)
            let holder = try await fixture.hold()
            async let first = database.query(.untilReleased, as: Fixture.alice, deadline: .soon)
            try await eventually("the first was sent") { database.statistics.transactions == 1 }
            try await withThrowingTaskGroup(of: Bool.self) { group in
                for number in 0..<50 { group.addTask { try await Tenant(number: number).witness(database) } }
                try await eventually("all wait") { database.statistics.waiting == 50 }
                try await holder.release()
                for try await isItself in group { #expect(isItself) }
            }
            _ = try await first
            #expect(database.statistics.largestBatch == 50)
            await holder.close()
            await database.shutdown()
        }
    }

    @Test("statements are prepared on Postgres itself and not behind a pooler, unless somebody insists")
    func preparing() async throws {
        let fixture = try await fixture()
        let prepared = Statement("select count(*)::int as n from pg_prepared_statements")
        func count(_ database: Database) async throws -> Int {
            for _ in 0..<3 { _ = try await database.query(prepared, as: Fixture.alice, deadline: .soon) }
            let rows = try await database.query(prepared, as: Fixture.alice, deadline: .soon)
            await database.shutdown()
            return try rows.one().decode("n")
        }
        #expect(try await count(try fixture.database()) > 0)
        try await PgBouncer.with(fixture) { pgBouncer in
            let (byItself, insisting) = (
                try pooled(pgBouncer, fixture), try pooled(pgBouncer, fixture) { $0.prepared = .always }
            )
            #expect(try await count(byItself) == 0)
            #expect(try await count(insisting) > 0)
        }
    }

    @Test("a PgBouncer that dies and comes back is found again")
    func restart() async throws {
        let fixture = try await fixture()
        try await PgBouncer.with(fixture) { pgBouncer in
            let database = try pooled(pgBouncer, fixture)
            #expect(try await Tenant(number: 1).witness(database))
            let next = try await pgBouncer.killAndRestart()
            try await eventually("the database answers again") {
                do throws(DatabaseError) {
                    return try await Tenant(number: 2).witness(database)
                } catch {
                    #expect(error.meansUnavailable, "\(error.debugDescription)")
                    return false
                }
            }
            await database.shutdown()
            await next.stop()
        }
    }

    private func error(_ body: () async throws(DatabaseError) -> Void) async -> DatabaseError? {
        do throws(DatabaseError) {
            try await body()
            return nil
        } catch {
            return error
        }
    }
}

extension DatabaseError {
    /// The connection's end, in libpq's words, Postgres's or PgBouncer's.
    fileprivate var meansLoss: Bool { meansUnavailable || sqlState == "57P01" || sqlState == "08P01" }
}
