import ArgumentParser

/// Where the things are that everything is measured with.
struct Places: ParsableArguments {
    @Option(help: "The release build of callwaiting.") var callwaiting = ".build-release/release/callwaiting"
    @Option(help: "What the peers are written in.") var peers = "Tests/Benchmarks/peers"
    @Option(help: "Where `peers/prepare` put what they run on.") var prepared = ".build-bench"
    @Option(help: "Our SQL.") var sql = "sql"

    func lab(effort: Lab.Effort) async throws -> Lab {
        try await Lab(callwaiting: callwaiting, peers: peers, prepared: prepared, sql: sql, effort: effort)
    }
}
