import FunctionCore

/// Drill 2: one reply after another, each with something that breaks at a step chosen by its seed.
enum LifeCycles {
    private struct Results: Sendable {
        var faults: [String: Int] = [:]
        var violations: [String] = []
    }

    static func run(_ place: Place, _ runs: Int, seed: UInt64, _ effort: Effort) async throws -> Outcome {
        place.say("2: \(runs) replies' lives")
        let start = ContinuousClock.now
        let next = Shared(0)
        let results = Shared(Results())
        try await withThrowingTaskGroup(of: Void.self) { group in
            for number in 0..<min(effort.worlds, runs) {
                group.addTask {
                    let world = try await World(
                        place, "life-\(number)", servers: 1, deadline: World.shortestDeadline)
                    while true {
                        let index = next.withLock { next in
                            defer { next += 1 }
                            return next
                        }
                        guard index < runs else { break }
                        // Seeds that follow on each other give generators that have nothing in common.
                        let life = LifeCycle(seed: seed &+ UInt64(index), world: world)
                        let violations = try await life.run()
                        let done = results.withLock { results in
                            results.faults[life.plan.fault.name, default: 0] += 1
                            results.violations += violations.map { "seed \(life.seed) (\(life.plan)): \($0)" }
                            return results.faults.values.reduce(0, +)
                        }
                        if done.isMultiple(of: 500) { place.say("2: \(done) done") }
                    }
                    let disagreements = try await world.disagreements()
                    results.withLock { $0.violations += disagreements }
                    try await world.end()
                }
            }
            try await group.waitForAll()
        }
        let sum = results.withLock { $0 }
        let faults = sum.faults.filter { $0.key != "none" }
        return Outcome(
            drill: "2 a reply's life", runs: runs, faults: faults, violations: sum.violations,
            time: start.duration(to: .now))
    }
}

/// What goes wrong in one run, all of it from its seed.
struct Plan: Sendable, CustomStringConvertible {
    enum Fault: Sendable {
        case none, kill, cut, crash, restart, leave
        case provider(Providers.Step, Providers.Manner)

        var name: String {
            switch self {
            case .none: "none"
            case .kill: "kill -9"
            case .cut: "connections cut"
            case .crash: "Postgres crashed"
            case .restart: "Postgres restarted"
            case .leave: "caller left"
            case .provider: "provider failed"
            }
        }
    }

    enum Moment: Sendable, CaseIterable { case admitting, chat, speech, settling }

    let fault: Fault
    let moment: Moment
    /// From the moment on, where it is not the very moment.
    let delay: Duration
    let isKeyed: Bool
    let seconds: Int
    let key: String

    init(seed: UInt64) {
        var generator = SeededGenerator(seed)
        let moment = Moment.allCases.randomElement(using: &generator) ?? .chat
        self.moment = moment
        let step: Providers.Step = generator.chance(50) ? .chat : .speech
        let manner = Providers.Manner.allCases.dropFirst().randomElement(using: &generator) ?? .garbage
        fault =
            switch Int.random(in: 0..<1_000, using: &generator) {
            case ..<80: .none
            case ..<480: .kill
            case ..<700: .cut
            case ..<720: .crash
            case ..<725: .restart
            case ..<850: .leave
            default: .provider(step, manner)
            }
        // Storing, settling and answering take some ten milliseconds, admitting a few.
        delay = .microseconds(Int.random(in: 0...(moment == .settling ? 25_000 : 6_000), using: &generator))
        isKeyed = generator.chance(50)
        seconds = generator.chance(20) ? Int.random(in: 0...4, using: &generator) : 3_600
        key = (0..<16).map { _ in UInt8.random(in: 0 ... .max, using: &generator) }.hex
    }

    var description: String {
        "\(fault.name) at \(moment) + \(delay), \(isKeyed ? "with a key" : "without a key"), \(seconds) s left"
    }
}

/// One run.
struct LifeCycle: Sendable {
    let seed: UInt64
    let world: World
    let plan: Plan

    init(seed: UInt64, world: World) {
        self.seed = seed
        self.world = world
        plan = Plan(seed: seed)
    }

    /// - Returns: what is not as it must be.
    func run() async throws -> [String] {
        let agent = try await world.agent(seconds: plan.seconds, key: plan.key)
        let key = plan.isKeyed ? "run-\(plan.key)" : nil
        var attempts = 1
        var delivered: [Answer] = []
        if let answer = try await askOnce(agent, key), answer.status == 200 { delivered.append(answer) }
        try await recover(agent)

        // The caller asks again until there is an answer, under its key or without one.
        while delivered.isEmpty || (plan.isKeyed && attempts == 1) {
            guard attempts < 8 else { break }
            attempts += 1
            guard let answer = await world.ask(agent, idempotencyKey: key) else { continue }
            if answer.status == 200 { delivered.append(answer) }
            // What is left may be held by the attempt before, which nobody waits for any more; it is given back soon.
            if answer.status == 402 {
                try await settleDown(agent)
                if try await isUsedUp(agent) { break }
            }
            if answer.status == 409 || answer.status == 503 {
                try await Task.sleep(for: .milliseconds(60))
                try await settleDown(agent)
            }
        }
        try await settleDown(agent)

        var violations = try await world.violations(of: agent, replies: plan.isKeyed ? 1 : attempts)
        for answer in delivered where try await !world.hasUsage(answer) {
            violations.append("a reply was delivered that no usage log has")
        }
        if Set(delivered.compactMap(\.usageID)).count != (plan.isKeyed ? min(delivered.count, 1) : delivered.count) {
            violations.append("replies share a usage log, or a replayed one has its own")
        }
        if delivered.isEmpty, plan.seconds > 0, try await !isUsedUp(agent) {
            violations.append("after all was well again there was no answer in \(attempts) attempts")
        }
        return violations
    }

    /// The first attempt, in which something breaks.
    private func askOnce(_ agent: World.Agent, _ key: String?) async throws -> Answer? {
        let breaking = Shared<Task<Void, any Error>?>(nil)
        @Sendable func breakAfter(_ delay: Duration) {
            let task = Task {
                try await Task.sleep(for: delay)
                try await inject()
            }
            breaking.withLock { $0 = task }
        }
        let asking = Shared<Task<Answer?, Never>?>(nil)
        world.providers.when { step in
            switch (plan.moment, step) {
            case _ where isProviders(step) != nil: return isProviders(step) ?? .well
            case (.chat, .chat), (.speech, .speech):
                if case .leave = plan.fault { asking.withLock { $0?.cancel() } } else { try? await inject() }
            case (.settling, .speech):
                if case .leave = plan.fault {
                    Task {
                        try await Task.sleep(for: plan.delay)
                        asking.withLock { $0?.cancel() }
                    }
                } else {
                    breakAfter(plan.delay)
                }
            default: break
            }
            return .well
        }
        let task = Task { await world.ask(agent, idempotencyKey: key) }
        asking.withLock { $0 = task }
        if plan.moment == .admitting {
            if case .leave = plan.fault {
                try await Task.sleep(for: plan.delay)
                task.cancel()
            } else {
                breakAfter(plan.delay)
            }
        }
        let answer = await task.value
        // What was to break after the answer breaks all the same, and before anything is looked at.
        try await breaking.withLock { $0 }?.value
        world.providers.when(nil)
        return answer
    }

    private func isProviders(_ step: Providers.Step) -> Providers.Manner? {
        if case .provider(let which, let manner) = plan.fault, which == step { return manner }
        return nil
    }

    private func inject() async throws {
        switch plan.fault {
        case .kill: world.killServer()
        case .cut: try await world.cutConnections()
        case .crash: try await world.crashPostgres()
        case .restart:
            try await world.stopPostgres()
            try await world.startPostgres()
        case .none, .leave, .provider: break
        }
    }

    private func recover(_ agent: World.Agent) async throws {
        if case .kill = plan.fault { try await world.restartServer() }
        switch plan.fault {
        case .crash, .restart:
            // A killed backend takes all others with it a moment later.
            try await Task.sleep(for: .milliseconds(50))
            try await world.waitUntilReady()
            _ = try await world.query("select 1")
        default: break
        }
        if case .kill = plan.fault { try await letLeasesRunOut(agent) } else { try await settleDown(agent) }
    }

    /// Until nothing is under way any more. What is still held then belongs to nobody, and its lease runs out.
    private func settleDown(_ agent: World.Agent) async throws {
        let end = ContinuousClock.now + .milliseconds(1_500)
        while .now < end {
            let held = try await world.query(
                "select from public.usage_reservations where workspace_id = $1::uuid and state = 'held' limit 1",
                [agent.workspace])
            if held.isEmpty { break }
            try await Task.sleep(for: .milliseconds(5))
        }
        try await letLeasesRunOut(agent)
    }

    private func letLeasesRunOut(_ agent: World.Agent) async throws {
        _ = try await world.query(
            "select drills.let_leases_run_out($1::uuid, $2::uuid)", [agent.workspace, agent.id])
    }

    /// Unkeyed attempts whose answers were lost may have used up what there was.
    private func isUsedUp(_ agent: World.Agent) async throws -> Bool {
        let rows = try await world.query(
            "select from public.workspaces where id = $1::uuid and seconds_used >= minutes_quota * 60",
            [agent.workspace])
        return !rows.isEmpty
    }
}
