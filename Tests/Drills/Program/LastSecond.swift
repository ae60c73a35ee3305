/// Drill 1: one second is left, and many want it.
enum LastSecond {
    static func run(_ place: Place, _ effort: Effort) async throws -> Outcome {
        place.say("1: the last second")
        let start = ContinuousClock.now
        let world = try await World(place, "last-second", servers: 3)
        var violations: [String] = []
        for round in 0..<effort.lastSecondRounds {
            let agent = try await world.agent(seconds: 1, key: [UInt8].random(count: 16).hex)
            let answers = await withTaskGroup(of: Answer?.self) { group in
                for index in 0..<effort.lastSecondRequests {
                    group.addTask { await world.ask(agent, server: index % 3) }
                }
                return await group.reduce(into: []) { $0.append($1) }
            }
            let admitted = answers.compactMap { $0 }.filter { $0.status == 200 }
            if admitted.count != 1 || admitted.first?.secondsCharged != 1 {
                violations.append("round \(round): \(admitted.count) were answered")
            }
            let others = answers.filter { $0?.status != 200 && $0?.status != 402 }
            if !others.isEmpty {
                violations.append(
                    "round \(round): \(others.count) got neither, such as \(others[0].map { "\($0)" } ?? "nothing")")
            }
            violations += try await world.violations(of: agent, replies: 1).map { "round \(round): \($0)" }
        }
        violations += try await world.disagreements()
        try await world.end()
        return Outcome(
            drill: "1 the last second", runs: effort.lastSecondRounds,
            faults: ["requests too many": effort.lastSecondRounds * (effort.lastSecondRequests - 1)],
            violations: violations, time: start.duration(to: .now))
    }
}
