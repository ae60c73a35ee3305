import DevHost

/// One script by pgbench alone, prepared and pipelined: what Postgres can give on this machine.
struct PGBench {
    let lab: Lab
    let database: BenchDatabase
    /// What the script begins with, to be told apart by.
    let name: String
    /// The statement after the role and the claims have been set.
    let statement: String
    var role = "authenticated"
    var databaseName = "callwaiting"
    /// Its clients, each with a connection of its own.
    var clients = 8
    /// How long, if not as long as everything is measured.
    var seconds: Int?

    struct Result {
        var transactionsPerSecond: Double
        /// Mean, in milliseconds.
        var latency: Double
    }

    private var script: String {
        """
        \\startpipeline
        select set_config('role', '\(role)', true), set_config('request.jwt.claims', :claims, true);
        \(statement);
        \\endpipeline

        """
    }

    func run() async throws -> Result {
        let path = lab.path("\(name).sql")
        try Files.write(script, to: path, mode: 0o600)
        var environment = Command.plainEnvironment()
        environment["PGHOST"] = database.cluster.socketDirectory
        let text = try await lab.output(
            Command(
                "/usr/bin/env",
                [
                    "pgbench", "--no-vacuum", "--protocol=prepared", "--client=\(clients)",
                    "--jobs=\(min(2, clients))", "--time=\(seconds ?? lab.effort.seconds)",
                    "--define=claims=\(database.claims)", "--file=\(path)", "--username=\(BenchDatabase.pgbenchRole)",
                    databaseName,
                ], environment: environment))
        guard let rate = Self.number(after: "tps = ", in: text),
            let latency = Self.number(after: "latency average = ", in: text)
        else { throw BenchError("pgbench printed no rate:\n\(text)") }
        return Result(transactionsPerSecond: rate, latency: latency)
    }

    private static func number(after words: String, in text: String) -> Double? {
        text.split(separator: "\n").first { $0.hasPrefix(words) }?.dropFirst(words.count)
            .split(separator: " ").first.flatMap { Double($0) }
    }
}
