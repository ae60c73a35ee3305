import ArgumentParser
import DevHost
import Glibc

/// What `make drills` runs: the built `callwaiting`, real Postgres, and everything that can go wrong, on purpose. Every
/// program that it starts is under a watcher of its own, so none outlives it.
@main
enum Main {
    static func main() {
        Watcher.runIfAsked()
        Signals.hold()
        var limit = rlimit()
        getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
        limit.rlim_cur = limit.rlim_max
        setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
        Task.detached { await DrillsCommand.runToExit() }
        Signals.receive { signal in
            Place.leave()
            Glibc.exit(128 + signal)
        }
    }
}

/// `callwaiting-drills`.
struct DrillsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "callwaiting-drills", abstract: "Breaks things on purpose, and sees whether the books still agree."
    )

    @Option(help: "Of the random choices. A failing run of drill 2 names its own; with --runs 1 it is that run again.")
    var seed: UInt64 = 20_260_314
    @Option(help: "Runs of drill 2.") var runs: Int?
    @Option(parsing: .upToNextOption, help: "Only these drills, 1 to 5; nothing is written then.") var only: [Int] = []
    @Flag(help: "A small part of each, for `make test`; nothing is written then.") var quick = false
    @Option(help: "The program.") var callwaiting = ".build/debug/callwaiting"
    @Option(help: "Our SQL.") var sql = "sql"
    @Option(help: "The page that is written.") var output = "docs/reliability.md"

    func run() async throws {
        let place = try await Place(callwaiting: callwaiting, sql: sql)
        let effort = quick ? Effort.quick : .whole
        var table = Table()
        do {
            if includes(1) { table.add(try await LastSecond.run(place, effort)) }
            if includes(2) {
                table.add(try await LifeCycles.run(place, runs ?? effort.lifeCycles, seed: seed, effort))
            }
            if includes(3) { table.add(try await PaymentStorm.run(place, effort, seed: seed)) }
            if includes(4) { table.add(try await DatabaseAway.run(place, effort)) }
            if includes(5) { table.add(try await FullDisk.run(place)) }
        } catch {
            place.say("given up: \(error)")
            try place.cleanUp()
            throw ExitCode(2)
        }
        try place.cleanUp()
        print(table.markdown)
        for violation in table.violations { print(violation) }
        if only.isEmpty, !quick, runs == nil, table.violations.isEmpty {
            try Files.write(try await Page.text(table, seed: seed), to: output, mode: 0o644)
        }
        if !table.violations.isEmpty { throw ExitCode(1) }
    }

    private func includes(_ drill: Int) -> Bool { only.isEmpty || only.contains(drill) }

    static func runToExit() async -> Never {
        do {
            let command = try parse()
            try await command.run()
            Glibc.exit(0)
        } catch {
            exit(withError: error)
        }
    }
}

/// How much is done.
struct Effort: Sendable {
    var lastSecondRounds: Int
    var lastSecondRequests: Int
    var lifeCycles: Int
    /// Life cycles under way at once, each in a world of its own.
    var worlds: Int
    var payments: Int
    var outage: Duration

    static let whole = Effort(
        lastSecondRounds: 20, lastSecondRequests: 1_000, lifeCycles: 10_000, worlds: 5, payments: 1_000,
        outage: .seconds(30))
    static let quick = Effort(
        lastSecondRounds: 2, lastSecondRequests: 100, lifeCycles: 60, worlds: 2, payments: 40,
        // Longer than any answer: all callers may be charging when Postgres goes, which is tried until their deadline.
        outage: .seconds(World.usualDeadline + 3))
}

/// Why a drill cannot go on, for the person at the terminal. A promise that is broken is a violation, not one of these.
struct DrillError: Error, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }
}
