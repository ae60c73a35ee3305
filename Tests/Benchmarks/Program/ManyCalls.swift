import Crypto
import DevHost
import FastCGIWire
import FoundationEssentials
import PostgresClient

/// Target 3: agents' calls that spend their time waiting for providers, thousands at once in one process.
enum ManyCalls {
    /// What each of the two providers takes.
    static let delay = Duration.seconds(5)
    /// Agents, each in a workspace of its own, that calls go to in turn.
    static let agents = 1_000

    static let manyCalls = 10_000
    static let manyRate = 1_000.0
    static let manyLimit = 100.0
    static let memoryLimit = 300.0

    /// Five a second, ten seconds each: fifty at a time.
    static let fewRate = 5.0
    static let fewSeconds = 30.0
    static let fewLimit = 5.0

    /// Its calls are nothing that the other targets should find in their tables.
    private static let copy = "callwaiting_calls"

    private struct Figures {
        var added50 = Samples()
        var added99 = Samples()
        var memory = Samples()
        var cpu = Samples()
        var inFlight = Samples()
        var failures = 0
        var complaint = ""
    }

    static func run(_ lab: Lab, _ database: BenchDatabase, into report: inout Report) async throws {
        try await seed(lab, database)
        // Once, and not between rounds: for some seconds after thousands of files were removed ext4 is slow to make new ones.
        let audio = "\(lab.state.path)/audio"
        try Files.createDirectory(audio, mode: 0o700)
        defer { try? Files.remove(audio) }
        let speech = try await SlowProviders.speech(lab)
        let providers = try await SlowProviders.start(delay: delay, speech: speech)
        let connection = try await PlainConnection(database.cluster.url(database: copy), logger: lab.logger)
        var many = Figures()
        var few = Figures()
        var alone = Figures()
        for round in 1...lab.effort.rounds {
            try await measure(manyCalls, manyRate, &many, lab, database, providers)
            lab.say("calls, round \(round): \(Int(many.inFlight.highest)) in flight, \(many.failures) failed so far")
            try await measure(Int(fewRate * fewSeconds), fewRate, &few, lab, database, providers)
            let times = try await DiskAlone.measure(speech, in: audio, connection)
            alone.added50.add(times.percentile(0.5))
            alone.added99.add(times.percentile(0.99))
        }
        await connection.close()
        try await providers.stop()
        add(many, few, alone, to: &report)
        if many.failures + few.failures > 0 { lab.say("a call failed: \(many.complaint)\(few.complaint)") }
    }

    private static func add(_ many: Figures, _ few: Figures, _ alone: Figures, to report: inout Report) {
        for (name, its) in [("10,000 in flight", many), ("50 in flight", few)] {
            report.add(
                "agent webhook, added time", "CallWaiting, \(name)", cpu: its.cpu, p50: its.added50, p99: its.added99,
                memory: its.memory)
        }
        report.add(
            "agent webhook, added time", "the disk alone, a file and a commit", p50: alone.added50, p99: alone.added99)
        report.target(
            "3. calls in flight in one process, 5 s for text and for speech", wanted: "≥ 10,000",
            measured: "\(Int(many.inFlight.median))", many.inFlight.median >= Double(manyCalls))
        report.target(
            "3. calls that failed", wanted: "0", measured: "\(many.failures + few.failures)",
            many.failures + few.failures == 0)
        report.target(
            "3. time added at 10,000 in flight, p99", wanted: "< \(Int(manyLimit)) ms",
            measured: "\(many.added99.median.fixed(1)) ms", many.added99.median < manyLimit)
        report.target(
            "3. RSS at 10,000 in flight, at the peak", wanted: "< \(Int(memoryLimit)) MB",
            measured: "\(many.memory.highest.short) MB", many.memory.highest < memoryLimit)
        report.target(
            "3. time added at 50 in flight, p99", wanted: "< \(Int(fewLimit)) ms",
            measured: "\(few.added99.median.fixed(2)) ms", few.added99.median < fewLimit)
    }

    private static func measure(
        _ calls: Int, _ rate: Double, _ figures: inout Figures, _ lab: Lab, _ database: BenchDatabase,
        _ providers: SlowProviders
    ) async throws {
        let socket = lab.path("calls")
        let program = try await start(on: socket, lab, database, providers)
        let load = CallLoad(socket: socket, calls: calls, rate: rate) { request(number: $0) }
        let before = ProcessUsage.below(program.processID)
        let result = try await load.run()
        let after = ProcessUsage.below(program.processID)
        await program.stop()
        let taken = try await providers.takeTimes()
        let added = result.milliseconds.map { number, time in time - (taken[number] ?? 0) }.sorted()
        figures.added50.add(added.percentile(0.5))
        figures.added99.add(added.percentile(0.99))
        figures.memory.add(Double(after.peakMemory) / 1_048_576)
        figures.cpu.add((after.cpu - before.cpu) / Double(calls))
        figures.inFlight.add(Double(result.mostInFlight))
        figures.failures += result.failures
        if !result.complaint.isEmpty { figures.complaint = result.complaint }
    }

    private static func start(
        on socket: String, _ lab: Lab, _ database: BenchDatabase, _ providers: SlowProviders
    ) async throws -> Supervisor.Program {
        try Files.remove(socket)
        let url = "http://127.0.0.1:\(providers.port)"
        let environment = lab.settings.merging([
            "DATABASE_URL": database.cluster.url(database: copy, user: "callwaiting"),
            "OPENAI_BASE_URL": "\(url)/v1", "MINIMAX_BASE_URL": url,
            "AUDIO_DIRECTORY": "\(lab.state.path)/audio", "REQUESTS_IN_FLIGHT": "12000",
            "DATABASE_QUEUE": "12000",
        ]) { $1 }
        let program = try lab.supervisor.start(
            "calls", Command(lab.callwaiting, ["fastcgi", "--socket", socket], environment: environment))
        let end = ContinuousClock.now + .seconds(20)
        while !Files.exists(socket) {
            guard .now < end, program.isRunning else { throw BenchError("callwaiting does not start; see \(lab.log)") }
            try await Task.sleep(for: .milliseconds(20))
        }
        return program
    }

    // MARK: Agents

    private static func agent(_ number: Int) -> String {
        let digits = String(number, radix: 16)
        return "00000000-0000-4000-8000-" + String(repeating: "0", count: 12 - digits.count) + digits
    }

    private static func key(_ number: Int) -> String {
        let digits = String(number, radix: 16)
        return "agt_" + String(repeating: "0", count: 32 - digits.count) + digits
    }

    private static func request(number: Int) -> (parameters: [NameValuePair], body: [UInt8]) {
        let agent = number % agents
        let path = "/api/agent/\(Self.agent(agent))/webhook"
        let body = Array(#"{"message":"\#(SlowProviders.message(number))"}"#.utf8)
        let parameters = [
            ("GATEWAY_INTERFACE", "CGI/1.1"), ("REQUEST_METHOD", "POST"), ("SCRIPT_NAME", path), ("REQUEST_URI", path),
            ("QUERY_STRING", ""), ("SERVER_PROTOCOL", "HTTP/1.1"), ("SERVER_NAME", "127.0.0.1"), ("SERVER_PORT", "80"),
            ("REMOTE_ADDR", "127.0.0.1"), ("CONTENT_TYPE", "application/json"), ("CONTENT_LENGTH", "\(body.count)"),
            ("HTTP_X_AGENT_KEY", key(agent)),
        ]
        return (parameters.map { NameValuePair($0, $1) }, body)
    }

    /// Workspaces with more minutes than a run can use, an agent in each, and its key.
    private static func seed(_ lab: Lab, _ database: BenchDatabase) async throws {
        try await database.copy(as: copy, logger: lab.logger)
        let connection = try await PlainConnection(database.cluster.url(database: copy), logger: lab.logger)
        let values = (0..<agents).map { number in
            let hash = SHA256.hash(data: Data(key(number).utf8)).map { byte in
                (byte < 16 ? "0" : "") + String(byte, radix: 16)
            }.joined()
            return "('\(agent(number))'::uuid, '\\x\(hash)'::bytea)"
        }
        try await connection.execute(
            """
            create temporary table seeds (agent uuid, key_hash bytea, workspace uuid default gen_random_uuid());
            insert into seeds (agent, key_hash) values \(values.joined(separator: ", "));
            insert into public.workspaces (id, name, plan, minutes_quota)
              select workspace, 'bench', 'enterprise', 1000000 from seeds;
            insert into public.grants (workspace_id, minutes, cause)
              select workspace, 1000000, 'correction' from seeds;
            insert into public.agents (id, workspace_id, name, system_prompt, voice_id)
              select agent, workspace, 'Reception', 'You answer the telephone of a hotel, briefly.', 'warm_m' from seeds;
            insert into public.api_keys (workspace_id, agent_id, key_hash, hint)
              select workspace, agent, key_hash, '0000' from seeds;
            """)
        // Only what was written: tables that were vacuumed while they were empty count as empty until they are analysed again.
        try await connection.execute("vacuum analyze public.workspaces, public.grants, public.agents, public.api_keys")
        await connection.close()
    }
}
