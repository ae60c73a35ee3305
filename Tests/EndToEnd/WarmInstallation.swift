import FoundationEssentials
import FunctionTesting
import Glibc
import Logging
import Testing

@testable import DevHost

/// `callwaiting-cgi` put in place as an operator would, and called as a web server would.
struct WarmInstallation {
    let directory: String
    private let environment: [String: String]

    /// Where residents' sockets, locks and log are.
    var residents: String { environment["CALLWAITING_RESIDENT_DIRECTORY"] ?? "" }
    var executable: String { "\(directory)/bin/callwaiting" }

    /// - Parameter changes: to the settings, for this installation; an empty one takes a setting away.
    init(_ bed: TestBed, _ changes: [String: String] = [:]) async throws {
        directory = "\(bed.directory)/w\([UInt8].random(count: 4).hex)"
        try Files.createDirectory("\(directory)/bin", mode: 0o755)
        environment = bed.environment(["CALLWAITING_RESIDENT_DIRECTORY": "\(directory)/r"].merging(changes) { $1 })
            .filter { !$0.value.isEmpty }
        // What counts is the program's own place, links resolved: it is put here, and its big sibling linked.
        try await Self.copy(TestBed.program("callwaiting-cgi"), to: "\(directory)/bin/callwaiting-cgi")
        try #require(symlink(TestBed.program("callwaiting"), executable) == 0)
    }

    /// Starts it for each request, under a name.
    func client(as name: String = "callwaiting-cgi") throws -> TestClient {
        let program = "\(directory)/bin/\(name)"
        if !Files.exists(program) { try #require(symlink("callwaiting-cgi", program) == 0) }
        let (environment, errors) = (environment, open("\(directory)/errors", O_WRONLY | O_CREAT | O_APPEND, 0o600))
        return TestClient(
            CGIGateway(errors: errors, logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }) {
                Command(program, environment: environment)
            })
    }

    /// What a shell prints that runs `script`, in which `$0` is the program.
    func answer(to script: String, _ variables: [String: String]) async throws -> (status: Termination, text: String) {
        try await Command(
            "/bin/sh", ["-c", script, "\(directory)/bin/callwaiting-cgi"],
            environment: environment.merging(variables) { $1 }
        ).output()
    }

    /// What the programs said to the web server's error log.
    var complaints: String { (try? Files.read("\(directory)/errors")) ?? "" }

    /// What residents wrote.
    var log: String { (try? Files.read("\(residents)/log")) ?? "" }

    /// The processes that are resident here.
    var processes: [pid_t] {
        let names = (try? Files.names(in: "/proc")) ?? []
        return names.compactMap { name in
            guard let id = pid_t(name), let line = try? Files.read("/proc/\(name)/cmdline"),
                line.contains("\0resident\0"), line.contains("\0\(residents)/")
            else { return nil }
            return id
        }
    }

    /// Asks until a resident answers.
    ///
    /// - Returns: the resident's process.
    func warmUp() async throws -> pid_t {
        let client = try client()
        var process: pid_t?
        try await eventually("a resident answers") {
            let answer = try await client.get("/healthz")
            #expect(answer.status == .ok, "\(answer.text); \(complaints)")
            process = try await isWarm(answer) ? processes.first : nil
            return process != nil
        }
        return try #require(process)
    }

    /// Whether it was a resident that answered: then the request's line is in its log, and not in the web server's.
    func isWarm(_ answer: TestResponse) async throws -> Bool {
        let id = try #require(answer.fields[.requestID], "\(answer.text); \(complaints)")
        // The line is written when the answer has ended, which may be a moment after it arrived.
        try await eventually("the request is logged") { log.contains(id) || complaints.contains(id) }
        return log.contains(id)
    }

    /// Lets a next start come at once, although the last was a moment ago.
    func forgetLastStart() throws { try dateLastStart([timeval(), timeval()]) }

    /// Has the last start been a moment ago, however long it was.
    func renewLastStart() throws { try dateLastStart(nil) }

    private func dateLastStart(_ times: [timeval]?) throws {
        for name in try Files.names(in: residents) where name.hasSuffix(".lock") {
            try #require(utimes("\(residents)/\(name)", times) == 0)
        }
    }

    /// Asks until it is a resident that answers: one that the machine keeps from it is not waited for long.
    func warm(_ ask: () async throws -> TestResponse) async throws -> TestResponse {
        var answer: TestResponse?
        try await eventually("a resident answers") {
            let latest = try await ask()
            answer = latest
            return try await isWarm(latest)
        }
        return try #require(answer)
    }

    func eventually(_ what: String, _ condition: () async throws -> Bool) async throws {
        let end = ContinuousClock.now + .seconds(60)
        while try await !condition() {
            try #require(.now < end, "not in time: \(what); \(complaints)\(log)")
            try await Task.sleep(for: .milliseconds(20))
        }
    }

    /// Ends what is still resident, and removes everything.
    func remove() async throws {
        for process in processes { kill(process, SIGKILL) }
        try await eventually("the residents' end") { processes.allSatisfy { !BuiltHost.isAlive($0) } }
        try Files.remove(directory)
    }

    static func copy(_ source: String, to target: String) async throws {
        let copied = try await Command("/bin/cp", ["-L", source, target]).output()
        try #require(copied.status.isSuccess, "\(copied.text)")
    }

    /// Runs `body` with an installation, and removes it afterwards.
    static func with(
        _ changes: [String: String] = [:], _ body: (WarmInstallation, TestBed) async throws -> Void
    ) async throws {
        let bed = try await TestBed.shared.value
        let installation = try await WarmInstallation(bed, changes)
        do {
            try await body(installation, bed)
        } catch {
            try? await installation.remove()
            throw error
        }
        try await installation.remove()
    }
}
