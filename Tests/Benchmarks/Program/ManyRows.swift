import DevHost
import PostgresClient

/// Target 5: what row-level security costs where there is much to hide, and whether the usage report grows with the
/// ledger.
enum ManyRows {
    static let rows = 1_000_000
    static let workspaces = 10_000
    private static let large = "callwaiting_large"

    /// What a front end asks for to draw a month: the days of one workspace. The same with and without policies, so it
    /// names the workspace itself.
    private static func statement(_ workspace: String) -> String {
        """
        select date_trunc('day', created_at) as day, kind, count(*), sum(seconds) from public.usage_logs \
        where workspace_id = '\(workspace)' group by 1, 2 order by 1, 2
        """
    }

    static func run(_ lab: Lab, _ database: BenchDatabase, into report: inout Report) async throws {
        lab.say("writing \(rows) usage rows of \(workspaces) workspaces")
        let workspace = try await fill(lab, database)
        try await tax(workspace, lab, database, into: &report)
        try await growth(lab, database, into: &report)
    }

    /// A role that holds the same privileges, and that no policy is applied to.
    private static let unpoliced = "callwaiting_unpoliced"

    /// Pairs for each round. A machine that is faster for some seconds changes both of a pair, so what counts is each
    /// pair's ratio, and many short pairs are worth more than a few long ones.
    static let pairs = 3

    private static func tax(
        _ workspace: String, _ lab: Lab, _ database: BenchDatabase, into report: inout Report
    ) async throws {
        func rate(as role: String) async throws -> Double {
            try await PGBench(
                lab: lab, database: database, name: role, statement: statement(workspace), role: role,
                databaseName: large, seconds: 2
            ).run().transactionsPerSecond
        }
        var with = Samples()
        var without = Samples()
        for pair in 1...lab.effort.rounds * pairs {
            // Now the one first, now the other.
            let first = pair.isMultiple(of: 2) ? try await rate(as: unpoliced) : nil
            let policed = try await rate(as: "authenticated")
            let free = if let first { first } else { try await rate(as: unpoliced) }
            with.add(policed)
            without.add(free)
            lab.say("usage by day, pair \(pair): \(Int(policed)) and \(Int(free)) transactions/s")
        }
        let tax = without.pairs(with, /).median
        report.add("usage by day, 1M rows", "pgbench, policies", requestsPerSecond: with)
        report.add("usage by day, 1M rows", "pgbench, no policies", requestsPerSecond: without)
        report.target(
            "5. row-level security, 1,000,000 rows, 10,000 workspaces", wanted: "≤ 1.05×",
            measured: "\(tax.fixed(2))×", tax <= 1.05)
    }

    /// How much slower a report may be to count as the same, since no two measurements are.
    private static let flatness = 1.1

    private static func growth(_ lab: Lab, _ database: BenchDatabase, into report: inout Report) async throws {
        let all = Contenders(lab: lab, database: database)
        let small = all.ours(named: "CallWaiting, 1,000 rows", on: database.url)
        let big = all.ours(
            named: "CallWaiting, 1,000,000 rows", on: database.cluster.url(database: large, user: "callwaiting"))
        let figures = try await Contest(
            lab: lab, contenders: [small, big], path: "/api/usage-report",
            fields: ["Authorization": "Bearer \(database.token)"], rate: 1_000
        ).run()
        guard let few = figures[small.name], let many = figures[big.name] else { return }
        report.add("usage-report", small.name, few, ratio: nil)
        report.add("usage-report", big.name, many, ratio: nil)
        let ratio = many.p50.pairs(few.p50, /).median
        report.target(
            "5. usage-report, p50 at 1,000,000 usage rows against 1,000", wanted: "≤ \(flatness.fixed(1))×",
            measured: "\(ratio.fixed(2))×", ratio <= flatness)
    }

    /// A thousand rows for the person who asks in the one database, and in a copy of it all the others.
    ///
    /// - Returns: the person's workspace.
    private static func fill(_ lab: Lab, _ database: BenchDatabase) async throws -> String {
        let small = try await PlainConnection(database.cluster.databaseURL, logger: lab.logger)
        let workspace = try await small.query(Statement("select id::text from public.workspaces order by created_at"))
            .first?.decode("id", as: String.self)
        guard let workspace else { throw BenchError("the person has no workspace") }
        try await small.execute(
            """
            insert into public.usage_logs (workspace_id, kind, seconds, created_at)
              select '\(workspace)', 'voice', 0, now() - random() * interval '30 days' from generate_series(1, 1000);
            create role \(unpoliced) nologin bypassrls;
            grant usage on schema public to \(unpoliced);
            grant select on public.usage_logs to \(unpoliced);
            grant \(unpoliced) to \(BenchDatabase.pgbenchRole);
            """)
        try await small.execute("vacuum analyze")
        await small.close()
        try await database.copy(as: large, logger: lab.logger)
        let copy = try await PlainConnection(database.cluster.url(database: large), logger: lab.logger)
        try await copy.execute(
            """
            insert into auth.users (email, email_confirmed_at)
              select 'bench' || n || '@callwaiting.test', now() from generate_series(2, \(workspaces)) as n;
            with workspaces as (
              select array_agg(id order by created_at) as ids from public.workspaces
            )
            insert into public.usage_logs (workspace_id, kind, seconds, created_at)
              select w.ids[1 + n % \(workspaces)], case when n % 3 = 0 then 'voice' else 'agent_reply' end, n % 20,
                now() - n * interval '2 seconds'
              from workspaces as w, generate_series(1, \(rows)) as n;
            """)
        try await copy.execute("vacuum analyze")
        await copy.close()
        return workspace
    }
}
