import DevHost
import FoundationEssentials
import FunctionCore
import FunctionTesting
import Glibc
import Testing
import WebServers

@testable import callwaiting

/// The ways in which the same functions are served.
enum Host: Hashable, CaseIterable, Sendable, CustomTestStringConvertible {
    case inMemory
    case http
    /// As an operator would set it up, with the files in deploy/.
    case behind(WebServer)
    /// The same with `callwaiting-cgi` as the CGI program.
    case warmCGI(WebServer)

    static let allCases = [Host.inMemory, .http] + WebServer.allCases.map(Host.behind) + [.warmCGI(.lighttpdCGI)]

    /// One of each kind: no host at all, HTTP, FastCGI and CGI.
    static let kinds = [Host.inMemory, .http, .behind(.nginx), .behind(.lighttpdCGI)]

    var testDescription: String {
        switch self {
        case .inMemory: "in memory"
        case .http: "over plain HTTP"
        case .behind(let server): "behind \(server.rawValue)"
        case .warmCGI(let server): "behind \(server.rawValue), warm"
        }
    }

    /// Starts the host, runs `body` against it and stops it.
    func serve(_ bed: TestBed, _ body: (any RequestSender) async throws -> Void) async throws {
        let directory = "\(bed.directory)/\([UInt8].random(count: 4).hex)"
        switch self {
        case .inMemory:
            try await body(TestClient(try await bed.assembly().application))
        case .http:
            let port = try freePort()
            let server = Command(
                TestBed.program("callwaiting"), ["http", "--listen", "127.0.0.1:\(port)"],
                environment: bed.environment())
            try await run([("http", server)], on: port, bed, body)
        case .behind(let server):
            try await serve(server, "callwaiting", in: directory, bed, body)
        case .warmCGI(let server):
            // The resident leaves soon after the scenario.
            let settings = [
                "CALLWAITING_EXECUTABLE": TestBed.program("callwaiting"),
                "CALLWAITING_RESIDENT_DIRECTORY": "\(directory)/resident", "RESIDENT_IDLE_TIME": "2",
            ]
            try await serve(server, "callwaiting-cgi", settings, in: directory, bed, body)
        }
    }

    private func serve(
        _ server: WebServer, _ program: String, _ changes: [String: String] = [:], in directory: String, _ bed: TestBed,
        _ body: (any RequestSender) async throws -> Void
    ) async throws {
        // Apache does not serve as root, so the recordings must be somebody else's to write as well.
        let audio = "\(directory)/audio"
        try FileManager.default.createDirectory(atPath: audio, withIntermediateDirectories: true)
        guard chmod(audio, 0o777) == 0 else { throw TestBed.Failure("chmod \(audio)") }
        let settings = bed.settings.merging(["AUDIO_DIRECTORY": audio]) { $1 }.merging(changes) { $1 }
        let site = try server.site(
            serving: Backend(path: TestBed.program(program), environment: settings), in: directory)
        let programs = site.programs.map { program in
            let environment = Command.plainEnvironment().merging(program.environment) { $1 }
            return (program.name, Command(program.executable, program.arguments, environment: environment))
        }
        try await run(programs, on: site.port, bed, body)
    }

    private func run(
        _ commands: [(name: String, command: Command)], on port: Int, _ bed: TestBed,
        _ body: (any RequestSender) async throws -> Void
    ) async throws {
        var programs: [Supervisor.Program] = []
        let outcome: Result<Void, any Error>
        do {
            for (name, command) in commands { programs.append(try bed.supervisor.start(name, command)) }
            let sender = HTTPSender(baseURL: "http://127.0.0.1:\(port)", client: bed.client)
            try await sender.waitUntilReady()
            outcome = .success(try await body(sender))
        } catch {
            outcome = .failure(error)
        }
        for program in programs.reversed() { await program.stop() }
        try outcome.get()
    }
}
