import FoundationEssentials
import FunctionCore
import Glibc
import Testing

@testable import DevHost

/// The built `callwaiting`, serving, started and signalled as an operator would: nothing is between it and the test.
struct ServedProgram {
    let process: ChildProcess
    let log: String

    /// - Parameters:
    ///   - executable: what is started; it may be a symbolic link.
    ///   - standardInput: its descriptor 0; /dev/null unless stated.
    static func start(
        _ arguments: [String], executable: String = TestBed.program("callwaiting"), environment: [String: String],
        in directory: String, standardInput: CInt? = nil
    ) throws -> ServedProgram {
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
        let log = "\(directory)/log-\([UInt8].random(count: 4).hex)"
        let file = try SystemCallError.check(
            "create \(log)", open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o600))
        let nothing = try SystemCallError.check("open /dev/null", open("/dev/null", O_RDONLY | O_CLOEXEC))
        defer {
            close(file)
            close(nothing)
        }
        let process = try ChildProcess.start(
            Command(executable, arguments, environment: environment),
            descriptors: [standardInput ?? nothing, file, file])
        return ServedProgram(process: process, log: log)
    }

    /// What it has logged so far.
    var printed: String {
        FileManager.default.contents(atPath: log).map { String(decoding: $0, as: UTF8.self) } ?? ""
    }

    func count(_ text: String) -> Int { printed.components(separatedBy: text).count - 1 }

    /// Waits until the log has `text` so many times.
    func wait(for text: String, times: Int = 1) async throws {
        guard try await eventually(within: .seconds(30), { count(text) >= times }) else {
            throw TestBed.Failure("\(text) is not in the log \(times) times:\n\(printed)")
        }
    }

    /// Reloads it, and waits until that is over.
    func reload(_ signal: CInt = SIGHUP) async throws {
        let before = count(#""message":"reloaded""#)
        process.signal(signal)
        try await wait(for: #""message":"reloaded""#, times: before + 1)
    }

    func stop(_ signal: CInt = SIGTERM) async -> Termination {
        process.signal(signal)
        return await process.exitStatus
    }
}
