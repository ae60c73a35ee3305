import Glibc
import Testing

@testable import DevHost

/// The development host's executable; `swift build` puts it beside the tests.
func devExecutable() throws -> String {
    let runner = try Files.executable()
    let directory = runner[..<(try #require(runner.lastIndex(of: "/")))]
    let path = "\(directory)/callwaiting-dev"
    try #require(Files.exists(path), "\(path) is missing: build it first")
    return path
}

/// A directory of the test's own, removed when the test is done with it.
func withTemporaryDirectory<Result>(_ body: (String) async throws -> Result) async throws -> Result {
    let path = "/tmp/devhost-test-\(UInt64.random(in: 0 ... .max))"
    try Files.createDirectory(path, mode: 0o700)
    do {
        let result = try await body(path)
        try Files.remove(path)
        return result
    } catch {
        try? Files.remove(path)
        throw error
    }
}

/// Whether the process exists and has not ended: nobody may be there to reap an orphan in a container.
func isAlive(_ processID: pid_t) -> Bool {
    guard let stat = try? Files.read("/proc/\(processID)/stat"), let end = stat.lastIndex(of: ")") else { return false }
    return stat[end...].dropFirst(2).first != "Z"
}

/// Waits until `condition` holds.
func eventually(
    _ what: String, within limit: Duration = .seconds(20), sourceLocation: SourceLocation = #_sourceLocation,
    _ condition: () async throws -> Bool
) async throws {
    let end = ContinuousClock.now + limit
    while try await !condition() {
        try #require(.now < end, "not in time: \(what)", sourceLocation: sourceLocation)
        try await Task.sleep(for: .milliseconds(10))
    }
}

extension Supervisor {
    /// A supervisor in `directory`, whose watchers are those of the built development host.
    static func make(in directory: String) async throws -> (Supervisor, StateDirectory) {
        let state = try await StateDirectory("\(directory)/state")
        return (try Supervisor(watcher: try devExecutable(), state: state, echo: false), state)
    }
}

extension StateDirectory {
    /// What programs have printed so far.
    func logText() throws -> String { try Files.read("\(logs)/\(Supervisor.logName)") ?? "" }
}
