import FunctionCore

/// Drill 4: Postgres is stopped under load, and comes back.
enum DatabaseAway {
    private struct Event: Sendable {
        let begun: ContinuousClock.Instant
        let ended: ContinuousClock.Instant
        let answer: Answer?
    }

    private static let callers = 6
    /// Before and after the outage.
    private static let calm = Duration.seconds(5)
    /// From its return to full service.
    private static let patience = Duration.seconds(5)
    /// What an answer without a database may take: its own deadline, for those that were under way.
    private static let longestAnswer = Duration.seconds(World.usualDeadline + 1)

    static func run(_ place: Place, _ effort: Effort) async throws -> Outcome {
        place.say("4: without Postgres")
        let start = ContinuousClock.now
        let world = try await World(place, "away", servers: 1)
        let agent = try await world.agent(seconds: 6_000_000, key: [UInt8].random(count: 16).hex)
        let events = Shared<[Event]>([])
        let load = Task {
            await withTaskGroup(of: Void.self) { group in
                for _ in 0..<callers {
                    group.addTask {
                        while !Task.isCancelled {
                            let begun = ContinuousClock.now
                            // A task of its own: stopping the load must not look like callers who leave.
                            let answer = await Task { await world.ask(agent) }.value
                            let event = Event(begun: begun, ended: .now, answer: answer)
                            events.withLock { $0.append(event) }
                            try? await Task.sleep(for: .milliseconds(10))
                        }
                    }
                }
            }
        }
        try await Task.sleep(for: calm)
        try await world.stopPostgres()
        let gone = ContinuousClock.now
        try await Task.sleep(for: effort.outage)
        let returning = ContinuousClock.now
        try await world.startPostgres()
        let back = ContinuousClock.now
        try await Task.sleep(for: patience + calm)
        load.cancel()
        await load.value

        let all = events.withLock { $0 }
        var violations = verdict(all, gone: gone, returning: returning, back: back)
        for event in all where event.answer?.status == 200 {
            guard let answer = event.answer, try await !world.hasUsage(answer) else { continue }
            violations.append("a 200 has no usage log")
        }
        if !world.isServerRunning() { violations.append("the server ended") }
        _ = try await world.query(
            "select drills.let_leases_run_out($1::uuid, $2::uuid)", [agent.workspace, agent.id])
        violations += try await world.violations(of: agent, replies: all.count)
        violations += try await world.disagreements()
        try await world.end()
        let outage = all.count { $0.begun > gone && $0.ended < returning }
        return Outcome(
            drill: "4 without Postgres", runs: all.count,
            faults: ["seconds without Postgres": Int(effort.outage.components.seconds), "requests meanwhile": outage],
            violations: violations, time: start.duration(to: .now))
    }

    private static func verdict(
        _ events: [Event], gone: ContinuousClock.Instant, returning: ContinuousClock.Instant,
        back: ContinuousClock.Instant
    ) -> [String] {
        var violations: [String] = []
        let during = events.filter { $0.begun > gone && $0.ended < returning }
        if during.isEmpty { violations.append("nothing was answered while Postgres was away") }
        for event in during {
            guard let answer = event.answer, answer.status == 503, answer.retryAfter else {
                violations.append("without Postgres: \(event.answer.map { "\($0)" } ?? "no answer")")
                continue
            }
            if event.ended - event.begun > longestAnswer { violations.append("503 took \(event.ended - event.begun)") }
        }
        for event in events where event.answer?.status != 200 && event.answer?.status != 503 {
            violations.append("neither 200 nor 503: \(event.answer.map { "\($0)" } ?? "no answer")")
        }
        let after = events.filter { $0.begun > back + patience }
        if after.isEmpty || after.contains(where: { $0.answer?.status != 200 }) {
            violations.append("\(patience) after its return not everything is answered")
        }
        if !events.contains(where: { $0.ended < gone && $0.answer?.status == 200 }) {
            violations.append("nothing was answered before")
        }
        return violations
    }
}
