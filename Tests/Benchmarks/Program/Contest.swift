import DevHost

/// Contenders that answer the same request, measured in turn behind the same nginx, round after round.
struct Contest: Sendable {
    let lab: Lab
    let contenders: [Contender]
    let path: String
    let fields: [String: String]
    /// Connections that wrk keeps busy.
    static let connections = 64
    /// Requests a second of the open loop; below what the slowest contender can do.
    let rate: Double

    /// What one contender was measured to do, by name; a sample for each round.
    struct Figures {
        var requestsPerSecond = Samples()
        /// Microseconds of the application's processes for each request, under wrk's load.
        var cpu = Samples()
        /// Milliseconds, at the open loop's rate.
        var p50 = Samples()
        var p99 = Samples()
        /// Peak, in megabytes.
        var memory = Samples()
    }

    /// - Parameter meanwhile: what else takes a turn in every round.
    func run(and meanwhile: () async throws -> Void = {}) async throws -> [String: Figures] {
        let nginx = try await Nginx.start(contenders, lab)
        var figures: [String: Figures] = [:]
        var answers: [String: String] = [:]
        for round in 1...lab.effort.rounds {
            for contender in contenders {
                let address = nginx.address(of: contender)
                let program = try await start(contender, at: address, answers: &answers)
                try await measure(contender, program, address, &figures[contender.name, default: Figures()])
                await program.stop()
                let rate = figures[contender.name]?.requestsPerSecond.values.last ?? 0
                lab.say("\(path), round \(round): \(contender.name) \(Int(rate)) requests/s")
            }
            try await meanwhile()
        }
        await nginx.program.stop()
        guard Set(answers.values).count == 1 else { throw BenchError("the answers differ: \(answers)") }
        return figures
    }

    /// Waits until the contender answers, and keeps what it says.
    private func start(
        _ contender: Contender, at address: HTTPAddress, answers: inout [String: String]
    ) async throws -> Supervisor.Program {
        let socket = lab.path(contender.label)
        try Files.remove(socket)
        let program = try lab.supervisor.start(contender.label, try contender.command(socket))
        let end = ContinuousClock.now + .seconds(20)
        while ContinuousClock.now < end, program.isRunning {
            if let answer = try await OpenLoop.get(path, fields, from: address) {
                answers[contender.name] = answer.normalizedJSON
                return program
            }
            try await Task.sleep(for: .milliseconds(50))
        }
        throw BenchError("\(contender.name) does not answer \(path); \(lab.log) may say why")
    }

    private func measure(
        _ contender: Contender, _ program: Supervisor.Program, _ address: HTTPAddress, _ figures: inout Figures
    ) async throws {
        let url = address.url + path
        _ = try await Wrk(connections: Self.connections, seconds: 1, fields: fields).run(url)
        let before = ProcessUsage.below(program.processID)
        let load = try await Wrk(connections: Self.connections, seconds: lab.effort.seconds, fields: fields).run(url)
        let after = ProcessUsage.below(program.processID)
        figures.requestsPerSecond.add(load.requestsPerSecond)
        figures.cpu.add((after.cpu - before.cpu) / load.requests)
        let open = try await OpenLoop(
            address: address, path: path, fields: fields, rate: rate, seconds: Double(lab.effort.seconds)
        ).run()
        guard open.failures == 0 else { throw BenchError("\(contender.name): \(open.failures) requests failed") }
        figures.p50.add(open.milliseconds.percentile(0.5))
        figures.p99.add(open.milliseconds.percentile(0.99))
        figures.memory.add(Double(ProcessUsage.below(program.processID).peakMemory) / 1_048_576)
    }
}
