import DevHost
import FoundationEssentials

/// What one drill came to.
struct Outcome: Sendable {
    let drill: String
    let runs: Int
    /// What was broken on purpose, by kind.
    let faults: [String: Int]
    /// A sentence each; none for a drill that went well.
    let violations: [String]
    let time: Duration
}

/// drill, runs, faults injected, invariant violations, time.
struct Table {
    private var outcomes: [Outcome] = []

    mutating func add(_ outcome: Outcome) { outcomes.append(outcome) }

    var violations: [String] { outcomes.flatMap { outcome in outcome.violations.map { "\(outcome.drill): \($0)" } } }

    var markdown: String {
        let rows = outcomes.map { outcome in
            let kinds = outcome.faults.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)" }
            let total = outcome.faults.values.reduce(0, +)
            return """
                | \(outcome.drill) | \(outcome.runs) | \(total): \(kinds.joined(separator: ", ")) \
                | \(outcome.violations.count) | \(outcome.time.components.seconds) s |
                """
        }
        return (["| drill | runs | faults injected | violations | time |", "|---|---|---|---|---|"] + rows)
            .joined(separator: "\n")
    }
}

/// docs/reliability.md.
enum Page {
    static func text(_ table: Table, seed: UInt64) async throws -> String {
        """
        # Reliability
        What `make drills` printed when it was last run. `Tests/Drills` has the program: it runs the built `callwaiting` over
        HTTP, with Postgres clusters of its own and stand-ins for the providers, breaks things on purpose and then looks at
        the books. `make test` runs a small part of each drill.

        - \(Date.now.formatted(.iso8601.year().month().day())), \(try await commit()), seed \(seed), debug build
        - \(try machine())

        \(table.markdown)

        A violation is any of what follows not being so.

        1. **The last second.** A workspace has one second left. 1,000 requests come at once, to three processes: one is
           admitted and charged that second, all others get 402. Twenty times.
        2. **A reply's life.** Each run is a workspace of its own and one message to its agent, half of them with an
           Idempotency-Key, some with few seconds left. At a step that the seed chooses (before and during admission, at the
           language model, at speech, while storing, settling and answering) the server is killed (`kill -9`), its database
           connections are cut, Postgres crashes or is restarted, a provider answers badly, or the caller leaves. Then leases
           run out, and the caller asks again until there is an answer. After each run the workspace's numbers are what its
           ledgers add up to, `granted = used + reserved + left`, no second is held any more, each 200 that arrived has its
           usage log with that many seconds, and no reply was charged twice: under a key one usage log at most, whatever
           happened. No lease was longer than twice the deadline. `callwaiting-drills --only 2 --runs 1 --seed N` makes the
           choices of a failing run again; how fast the machine gets from step to step is its own.
        3. **Payments.** 1,000 payment links, most of them paid, some of them declined, abandoned, paid too little or paid
           twice. Webhooks are lost, delivered up to five times, late, in any order and forged; verify is down every few
           seconds; one of two workers is killed. Once the time of the first reconciliation has come, exactly the paid ones
           are active, each with one grant, and no ledger disagrees with its workspace.
        4. **Without Postgres.** It is stopped for 30 seconds under load. Until it is back every answer that needs it is 503 with
           Retry-After, at once; within five seconds of its return everything is answered again, and nothing was restarted.
           Every 200 of the whole time has its usage log.
        5. **A full disk.** With no room for recordings a reply is 503 `storage_unavailable` and not charged; with room again
           the next one is answered.

        What this does not show: that a machine which loses power keeps what it has said. Killing a process leaves the
        kernel's memory whole; Postgres and the recordings are written with fsync for the rest.

        """
    }

    private static func commit() async throws -> String {
        let (status, text) = try await Command(
            "/usr/bin/env", ["git", "rev-parse", "--short", "HEAD"], environment: Command.plainEnvironment()
        ).output()
        return status.isSuccess ? "commit \(text.filter { !$0.isWhitespace })" : "no commit"
    }

    private static func machine() throws -> String {
        let processors = (try Files.read("/proc/cpuinfo") ?? "").split(separator: "\n")
        let model = processors.first { $0.hasPrefix("model name") }?.split(separator: ":").last ?? ""
        let kernel = (try Files.read("/proc/sys/kernel/osrelease") ?? "").split(separator: "\n").first ?? ""
        return "\(model.drop { $0 == " " }), \(processors.count { $0.hasPrefix("processor") }) cores, Linux \(kernel)"
    }
}
