/// Target 2: `GET /api/usage-report` with a real token and a real transaction under row-level security.
enum UsageReport {
    /// CPU of our process for a request, in microseconds, and its memory at the peak, in megabytes.
    static let cpuLimit = 25.0
    static let memoryLimit = 40.0
    static let statement = "select * from private.usage_report(null)"

    static func run(_ lab: Lab, _ database: BenchDatabase, into report: inout Report) async throws {
        let all = Contenders(lab: lab, database: database)
        let contenders = [all.ours, all.php, all.go, all.express, all.fastAPI]
        var alone = Samples()
        let figures = try await Contest(
            lab: lab, contenders: contenders, path: "/api/usage-report",
            fields: ["Authorization": "Bearer \(database.token)"], rate: 1_000
        ).run {
            let result = try await PGBench(
                lab: lab, database: database, name: "usage-report", statement: statement
            ).run()
            lab.say("pgbench alone: \(Int(result.transactionsPerSecond)) transactions/s")
            alone.add(result.transactionsPerSecond)
        }
        guard let ours = figures[all.ours.name] else { return }
        let rate = ours.requestsPerSecond.median
        for contender in contenders {
            guard let its = figures[contender.name] else { continue }
            report.add(
                "usage-report", contender.name, its,
                ratio: contender.name == all.ours.name ? nil : rate / its.requestsPerSecond.median)
        }
        report.add(
            "the same SQL", "pgbench alone", requestsPerSecond: alone, ratio: rate / alone.median)
        for contender in contenders.dropFirst() {
            guard let its = figures[contender.name] else { continue }
            let ratio = rate / its.requestsPerSecond.median
            report.target(
                "2. usage-report, requests/s against \(contender.name)", wanted: "≥ 5×",
                measured: "\(ratio.fixed(2))×", ratio >= 5)
        }
        let share = rate / alone.median
        report.target(
            "2. usage-report, requests/s against pgbench alone", wanted: "≥ 0.5×", measured: "\(share.fixed(2))×",
            share >= 0.5)
        report.target(
            "2. usage-report, CPU a request", wanted: "≤ \(Int(cpuLimit)) µs",
            measured: "\(ours.cpu.median.fixed(1)) µs", ours.cpu.median <= cpuLimit)
        report.target(
            "2. usage-report, RSS at the peak", wanted: "< \(Int(memoryLimit)) MB",
            measured: "\(ours.memory.highest.fixed(1)) MB", ours.memory.highest < memoryLimit)
    }
}
