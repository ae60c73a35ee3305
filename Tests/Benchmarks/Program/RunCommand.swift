import ArgumentParser
import DevHost

struct RunCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "run", abstract: "Measure, print the tables, and write them down.")

    @OptionGroup var places: Places
    @Option(parsing: .upToNextOption, help: "Only these targets, 1 to 5; nothing is written then.")
    var only: [Int] = []
    @Flag(help: "One short round of each; nothing is written then.") var quick = false
    @Option(help: "The page that is written.") var output = "docs/benchmarks.md"

    func run() async throws {
        let lab = try await places.lab(effort: quick ? .quick : .whole)
        let database = try await BenchDatabase.start(lab)
        var report = Report()
        if includes(1) { try await PlainJSON.run(lab, database, into: &report) }
        if includes(2) { try await UsageReport.run(lab, database, into: &report) }
        if includes(3) { try await ManyCalls.run(lab, database, into: &report) }
        if includes(4) { try await ProcessPerRequest.run(lab, database, into: &report) }
        if includes(5) { try await ManyRows.run(lab, database, into: &report) }
        try await database.cluster.stop()
        try lab.state.cleanUp()
        print(report.tables)
        guard only.isEmpty, !quick else { return }
        try Files.write(try await page(report, lab), to: output, mode: 0o644)
        lab.say("wrote \(output)")
    }

    private func page(_ report: Report, _ lab: Lab) async throws -> String {
        """
        # Benchmarks
        What `make bench` printed when it was last run. `Tests/Benchmarks` has the programs: ours, and the peers, each
        written as its users would write it and giving the same answers.

        \(try await Machine.describe(lab))

        Everything ran on that one machine, load included, so the figures are for comparing with each other. Each is the
        median of \(lab.effort.rounds) rounds; in every round each contender was started anew, warmed up for a second and
        measured, in turn. What a target compares for CGI takes turns run by run, and "usage by day" is
        \(lab.effort.rounds * ManyRows.pairs) pairs of two seconds; a target's figure there is the median of what each round or
        pair gives, since the machine's speed changes in between. `spread` is half the distance between best and worst
        round. Ours are all of release builds with Swift's standard library linked in.

        - **requests/s**: \(Contest.connections) connections of wrk through the same nginx (\(Nginx.workers) workers) for
          \(lab.effort.seconds) seconds. Kept-alive connections between nginx and the application for all but php-fpm,
          where one would occupy a worker.
        - **CPU**: user and system time of all of the application's processes in that time, for one request. What nginx,
          Postgres and wrk use is not in it.
        - **p50, p99**: of requests sent at a steady rate that all contenders keep up with (2,000/s for plain JSON, 1,000/s
          for usage-report), counted from when a request was due, so that a stall is charged to all it kept waiting. For
          CGI: from fork to exit, one at a time. For the agent webhook: the whole time of a call less what the two
          providers took over that call by their own clock. Beside it, what the disk alone takes for one call: a file of the
          recording's size with its folder, then a commit; one at a time, with nothing else running.
        - **RSS**: the peak of each process, added up; pages that processes share count for each.
        - **CallWaiting is** so many times as fast: by requests/s, for CGI by the median time of a cold start.

        Nobody writes a line for each request: access logs are off everywhere, and ours with `LOG_LEVEL=warning`. Peers
        verify the token at each request, as their libraries do; CallWaiting remembers tokens that it has verified until
        they expire. Postgres is as durable as it is by default.

        \(report.tables)
        """
    }

    private func includes(_ target: Int) -> Bool { only.isEmpty || only.contains(target) }
}
