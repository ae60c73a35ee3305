import FunctionCore
import Glibc
import NIOCore
import Synchronization
import WebServers

/// A real web server with the program `conformance` behind it.
struct RunningSite: Sendable {
    let address: SocketAddress
    let site: Site
    private let directory: String
    private let programs: [RunningProgram]

    /// One for each way of serving, started by whoever needs it first and ended with this process.
    static func shared(_ server: WebServer) async throws -> RunningSite { try await Sites.shared.site(server) }

    /// One for the length of `body`.
    static func with<Result>(
        _ server: WebServer, below prefix: String = "", edits: [(String, String)] = [],
        _ body: (RunningSite) async throws -> Result
    ) async throws -> Result {
        let site = try await start(server, below: prefix, edits: edits)
        defer { site.end() }
        return try await body(site)
    }

    fileprivate static func start(
        _ server: WebServer, below prefix: String = "", edits: [(String, String)] = []
    ) async throws -> RunningSite {
        let directory = temporaryPath()
        try SystemFailure.check(mkdir(directory, 0o755), "mkdir")
        let application = Backend(
            path: builtProgram("conformance"), environment: ["CONFORMANCE_DIRECTORY": directory + "/run"])
        let site = try server.site(serving: application, below: prefix, in: directory, edits: edits)
        var programs: [RunningProgram] = []
        for program in site.programs {
            programs.append(
                try RunningProgram(
                    [program.executable] + program.arguments, environment: program.environment,
                    output: directory + "/output"))
        }
        let running = RunningSite(
            address: try SocketAddress(ipAddress: "127.0.0.1", port: site.port), site: site, directory: directory,
            programs: programs)
        do {
            // 308 is to the same by TLS. What is asked before all are there may never be answered: it is asked again.
            try await eventually(within: .seconds(60)) {
                guard let answer = try? await running.send("GET", prefix + "/readyz", patience: .seconds(10)) else {
                    return false
                }
                return [200, 308].contains(answer.status)
            }
        } catch {
            let output = running.output
            running.end()
            throw NotReady(output: output)
        }
        return running
    }

    struct NotReady: Error {
        let output: String
    }

    /// What its programs have printed.
    var output: String {
        guard let file = fopen(directory + "/output", "r") else { return "" }
        defer { fclose(file) }
        var bytes = [UInt8](repeating: 0, count: 1_000_000)
        let count = fread(&bytes, 1, bytes.count, file)
        return String(decoding: bytes.prefix(count), as: UTF8.self)
    }

    /// Ends the programs, the web server first, and removes what they leave.
    fileprivate func end() {
        for program in programs.reversed() { kill(program.process, SIGTERM) }
        for program in programs.reversed() {
            var status: CInt = 0
            waitpid(program.process, &status, 0)
        }
        removeAll(directory)
    }

    // MARK: Requests

    static func request(
        _ method: String, _ target: String, fields: [(String, String)] = [], body: [UInt8]? = nil
    ) -> [UInt8] {
        var lines = ["\(method) \(target) HTTP/1.1", "Host: conformance.example", "Connection: close"]
        lines += fields.map { "\($0.0): \($0.1)" }
        if let body, !fields.contains(where: { $0.0 == "Transfer-Encoding" }) {
            lines.append("Content-Length: \(body.count)")
        }
        return Array((lines + ["", ""]).joined(separator: "\r\n").utf8) + (body ?? [])
    }

    func send(
        _ method: String, _ target: String, fields: [(String, String)] = [], body: [UInt8]? = nil,
        patience: Duration = .seconds(30)
    ) async throws -> Transport.Answer {
        try await RawClient.with(address, patience: patience) { client in
            try await client.send(Self.request(method, target, fields: fields, body: body))
            return try Transport.http.read(await client.bytesUntilEnd(), isHead: method == "HEAD")
        }
    }

    /// What `/describe` says of the request, by name; nil when it was not asked.
    func describe(_ target: String, fields: [(String, String)] = []) async throws -> [String: String]? {
        let answer = try await send("GET", target, fields: fields)
        guard answer.status == 200 else { return nil }
        let lines = answer.text.split(separator: "\n").map { $0.split(separator: "=", maxSplits: 1) }
        return Dictionary(lines.map { (String($0[0]), $0.count > 1 ? String($0[1]) : "") }) { first, _ in first }
    }

    // MARK: Signposts

    func put(_ signpost: String) throws { try writeFile("", to: "\(directory)/run/\(signpost)") }

    func wait(for signpost: String) async throws {
        try await eventually { access("\(directory)/run/\(signpost)", F_OK) == 0 }
    }
}

/// A program that this build has made; it lies beside the test bundle.
func builtProgram(_ name: String) -> String {
    let bundle = CommandLine.arguments.first { $0.hasSuffix(".xctest") } ?? CommandLine.arguments[0]
    return bundle.split(separator: "/").dropLast().reduce("") { "\($0)/\($1)" } + "/" + name
}

/// The sites that live as long as this process.
private final class Sites: Sendable {
    static let shared = Sites()

    private let running = Mutex<[WebServer: Task<RunningSite, any Error>]>([:])
    private let started = Mutex<[RunningSite]>([])

    private init() {
        atexit { for site in Sites.shared.started.withLock({ $0 }) { site.end() } }
    }

    func site(_ server: WebServer) async throws -> RunningSite {
        let task = running.withLock { running in
            if let task = running[server] { return task }
            let task = Task {
                let site = try await RunningSite.start(server)
                started.withLock { $0.append(site) }
                return site
            }
            running[server] = task
            return task
        }
        return try await task.value
    }
}
