import DevHost
import Glibc
import Logging

/// Where measuring happens: the programs to measure, one Postgres, and the means to start and end them.
struct Lab: Sendable {
    /// The release build of `callwaiting`.
    let callwaiting: String
    /// Ourselves, for the programs that are part of the benchmarks.
    let bench: String
    /// `Tests/Benchmarks/peers`.
    let peers: String
    /// What `peers/prepare` made.
    let prepared: String
    let sql: String
    let effort: Effort
    let state: StateDirectory
    let supervisor: Supervisor
    let logger: Logger

    /// How much is done for one figure.
    struct Effort: Sendable {
        /// Each contender is measured so often, in turn.
        var rounds: Int
        /// Seconds of one measurement.
        var seconds: Int

        static let whole = Effort(rounds: 5, seconds: 3)
        /// For developing.
        static let quick = Effort(rounds: 1, seconds: 2)
    }

    init(callwaiting: String, peers: String, prepared: String, sql: String, effort: Effort) async throws {
        self.callwaiting = Files.absolute(callwaiting)
        bench = try Files.executable()
        self.peers = Files.absolute(peers)
        self.prepared = Files.absolute(prepared)
        self.sql = Files.absolute(sql)
        self.effort = effort
        guard Files.exists(callwaiting) else { throw BenchError("\(callwaiting) is missing: make build") }
        logger = Logger(label: "bench") { _ in SwiftLogNoOpLogHandler() }
        state = try await StateDirectory("\(prepared)/state")
        try Files.write("", to: "\(state.path)/settings.env", mode: 0o600)
        supervisor = try Supervisor(watcher: bench, state: state, echo: false)
    }

    /// The file that the programs' own lines go to.
    var log: String { "\(state.logs)/\(Supervisor.logName)" }

    func path(_ name: String) -> String { "\(state.sockets)/\(name)" }

    /// Writes a line for whoever waits at the terminal.
    func say(_ text: String) {
        let line = Array("bench: \(text)\n".utf8)
        _ = write(2, line, line.count)
    }

    /// A program of the machine, wherever `PATH` has it.
    func find(_ name: String) throws -> String {
        let path = (Command.plainEnvironment()["PATH"] ?? "") + ":/usr/sbin:/sbin"
        for directory in path.split(separator: ":") where Files.exists("\(directory)/\(name)") {
            return "\(directory)/\(name)"
        }
        throw BenchError("\(name) is missing: deploy/setup bench")
    }

    /// The output of a program that must succeed.
    func output(_ command: Command) async throws -> String {
        let (status, text) = try await command.output()
        guard status.isSuccess else { throw BenchError("\(command.executable) failed (\(status)):\n\(text)") }
        return text
    }
}
