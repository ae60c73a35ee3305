import DevHost
import Foundation
import Testing

@testable import callwaiting

/// Programs in Python that test us from outside, in the environment that Tests/Attack/prepare makes.
enum PythonPeers {
    private static let directory = "\(TestBed.repository)/.build-attack/python/bin"

    /// Whether they can run. By hand a missing one is a skipped test, in CI a failure.
    static let areThere =
        FileManager.default.fileExists(atPath: "\(directory)/st") || ProcessInfo.processInfo.environment["CI"] != nil

    /// Runs one of them to its end.
    static func run(
        _ program: String, _ arguments: [String], _ bed: TestBed, _ variables: [String: String] = [:]
    ) async throws -> (status: Termination, output: String) {
        let work = "\(bed.directory)/python-\(UInt32.random(in: 0 ... .max))"
        try FileManager.default.createDirectory(atPath: work, withIntermediateDirectories: true)
        let command = Command(
            "/bin/sh", ["-c", "cd \(work) && exec \"$0\" \"$@\" >output 2>&1", "\(directory)/\(program)"] + arguments,
            environment: Command.plainEnvironment().merging(variables) { $1 })
        let status = try await bed.supervisor.run("python", command)
        let text = FileManager.default.contents(atPath: "\(work)/output").map { String(decoding: $0, as: UTF8.self) }
        return (status, text ?? "")
    }
}
