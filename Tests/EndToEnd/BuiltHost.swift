import FoundationEssentials
import Glibc
import HTTPTypes
import Logging
import Testing
import WebClient

@testable import DevHost

/// The built `callwaiting-dev`, run from outside as a person would run it.
struct BuiltHost {
    /// Longest that anything here may take on a machine that does other things too.
    static let patience = Duration.seconds(120)

    let process: ChildProcess
    let state: String
    private let output: String

    /// The directory of executables that `swift build` made, these tests among them.
    static func products() throws -> String {
        let runner = try Files.executable()
        let directory = String(runner[..<(try #require(runner.lastIndex(of: "/")))])
        for name in ["callwaiting", "callwaiting-dev"] {
            try #require(Files.exists("\(directory)/\(name)"), "\(name) is missing in \(directory): build it first")
        }
        return directory
    }

    /// - Parameters:
    ///   - directory: where its output goes, and its state too when `state` does not say otherwise.
    ///   - executable: by default the one that was built with these tests.
    static func start(
        _ arguments: [String], in directory: String, state: String? = nil, executable: String? = nil
    ) throws -> BuiltHost {
        let state = state ?? "\(directory)/state"
        let output = "\(directory)/output-\(UInt32.random(in: 0 ... .max))"
        let program = try executable ?? "\(products())/callwaiting-dev"
        let file = try SystemCallError.check("create \(output)", open(output, O_WRONLY | O_CREAT | O_CLOEXEC, 0o600))
        let nothing = try SystemCallError.check("open /dev/null", open("/dev/null", O_RDONLY | O_CLOEXEC))
        defer {
            close(file)
            close(nothing)
        }
        let command = Command(program, arguments + ["--state", state], environment: Command.plainEnvironment())
        let process = try ChildProcess.start(command, descriptors: [nothing, file, file])
        return BuiltHost(process: process, state: state, output: output)
    }

    /// Starts a host on any free port, and waits until it is ready.
    static func serve(
        _ options: [String] = [], in directory: String, state: String? = nil, executable: String? = nil
    ) async throws -> (BuiltHost, DevFile) {
        let host = try start(
            ["serve", "--port", "0"] + options, in: directory, state: state, executable: executable)
        try await host.eventually("ready") { Files.exists("\(host.state)/dev.json") }
        return (host, try #require(try DevFile(at: "\(host.state)/dev.json")))
    }

    /// What it has printed so far, errors included.
    func printed() throws -> String { try Files.read(output) ?? "" }

    /// Waits until `condition` holds; what the host printed is part of the complaint when it does not.
    func eventually(_ what: String, _ condition: () throws -> Bool) async throws {
        let end = ContinuousClock.now + Self.patience
        while try !condition() {
            let printed = try printed()
            try #require(.now < end, "not in time: \(what); the host printed:\n\(printed)")
            try await Task.sleep(for: .milliseconds(20))
        }
    }

    /// The processes that it has started, theirs too, and the directories under /tmp that are theirs alone.
    func belongings(_ file: DevFile) throws -> (processes: [pid_t], directories: [String]) {
        var processes = [process.processID]
        let parents = try Self.parents()
        while let more = parents.first(where: { processes.contains($0.value) && !processes.contains($0.key) }) {
            processes.append(more.key)
        }
        let host = try #require(file.databaseURL.split(separator: "host=").last?.split(separator: "&").first)
        let sockets = try #require(try Files.read("\(state)/sockets"))
        return (Array(processes.dropFirst()), [String(host), sockets])
    }

    /// Every process's parent.
    private static func parents() throws -> [pid_t: pid_t] {
        var result: [pid_t: pid_t] = [:]
        for name in try Files.names(in: "/proc") {
            // A process may end while we look.
            guard let id = pid_t(name), let stat = try? Files.read("/proc/\(id)/stat"),
                let end = stat.lastIndex(of: ")")
            else { continue }
            result[id] = pid_t(stat[end...].split(separator: " ")[2])
        }
        return result
    }

    /// Whether the process exists and has not ended: nobody may be there to reap an orphan in a container.
    static func isAlive(_ id: pid_t) -> Bool {
        guard let stat = try? Files.read("/proc/\(id)/stat"), let end = stat.lastIndex(of: ")") else { return false }
        return stat[end...].dropFirst(2).first != "Z"
    }
}

extension DevFile {
    /// What the demo agent answers.
    func ask(_ question: String) async throws -> (status: Int, body: String) {
        let client = WebClient(logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
        var fields: HTTPFields = [.contentType: "application/json"]
        fields[try #require(HTTPField.Name("X-AGENT-KEY"))] = apiKey
        let response = try await client.send(
            WebRequest(
                method: .post, url: "\(url)/api/agent/\(agentId)/webhook", fields: fields,
                body: Array(#"{"message":"\#(question)"}"#.utf8), deadline: .now + .seconds(60)))
        await client.shutdown()
        return (response.status.code, String(decoding: response.body, as: UTF8.self))
    }
}

/// A directory of the test's own, removed when the test is done with it.
func withTemporaryDirectory<Result>(_ body: (String) async throws -> Result) async throws -> Result {
    let path = "/tmp/devhost-e2e-\(String(UInt64.random(in: 0 ... .max), radix: 36))"
    try Files.createDirectory(path, mode: 0o711)
    do {
        let result = try await body(path)
        try Files.remove(path)
        return result
    } catch {
        try? Files.remove(path)
        throw error
    }
}
