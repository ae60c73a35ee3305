import DevHost
import EmulatorControl
import FlutterwaveEmulator
import FoundationEssentials
import FunctionCore
import FunctionTesting
import Glibc
import Logging
import MiniMaxEmulator
import OpenAIEmulator
import PostgresClient
import Synchronization
import WebClient

@testable import callwaiting

/// A whole installation for the tests of this process: a migrated database, the providers' emulators over real HTTP, and
/// the settings that lead to them. The server itself is started by each test in the way that it tests.
final class TestBed: Sendable {
    static let shared = Task { try await TestBed() }

    /// What a trial has here, so that using it up takes seconds.
    static let trialMinutes = 2
    static let secretHash = "whsec-6f1f7a52c4"

    let databaseURL: String
    let board = ControlBoard()
    let client: WebClient
    /// The settings of a serving process, as its environment.
    let settings: [String: String]
    let directory: String
    let supervisor: Supervisor
    /// Where the Flutterwave emulator sends its webhooks; serves what ``deliverWebhooks(to:)`` says.
    private let webhooks = LateResponder()
    private let servers: [InProcessServer]

    private init() async throws {
        let logger = Logger(label: "test-bed") { _ in SwiftLogNoOpLogHandler() }
        client = WebClient(logger: logger)
        directory = try Self.makeDirectory()
        try FileManager.default.createDirectory(atPath: directory + "/audio", withIntermediateDirectories: true)
        let state = try await StateDirectory(directory + "/state")
        supervisor = try Supervisor(watcher: Self.program("callwaiting-dev"), state: state, echo: false)
        Leftovers.note(directory, state)

        let providers = LateResponder()
        servers = [
            try await .start(providers, port: 0, drainTime: .zero, logger: logger),
            try await .start(webhooks, port: 0, drainTime: .zero, logger: logger),
        ]
        let (emulatorURL, webhookURL) = (servers[0].url, servers[1].url)
        providers.set(
            Application.test(
                OpenAIEmulator(apiKey: "sk-test", board: board), MiniMaxEmulator(apiKey: "mm-test", board: board),
                FlutterwaveEmulator(
                    .init(
                        secretKey: "FLWSECK_TEST-1", baseURL: emulatorURL,
                        webhookURL: webhookURL + "/api/flutterwave-webhook", webhookSecretHash: Self.secretHash),
                    client: client, board: board)))

        databaseURL = try await TestCluster.makeDatabase()
        let cluster = try await TestCluster.shared
        let database = try await Self.prepareDatabase(databaseURL, logger)
        settings = [
            "DATABASE_URL": cluster.url(database: database, user: "callwaiting"),
            "DATABASE_ADMIN_URL": cluster.url(database: database, user: "callwaiting_owner"),
            "PUBLIC_URL": "http://127.0.0.1:9", "APP_URL": "https://app.example",
            "SUPABASE_JWT_SECRET": "test-secret-test-secret-test-secret", "SIGN_UP": "open", "BCRYPT_COST": "4",
            "TRIAL_MINUTES": "\(Self.trialMinutes)", "AUDIO_DIRECTORY": directory + "/audio",
            "AUDIO_SIGNING_KEY": "audio-key-audio-key-audio-key-audio-key", "OPENAI_BASE_URL": emulatorURL + "/v1",
            "OPENAI_API_KEY": "sk-test", "MINIMAX_BASE_URL": emulatorURL, "MINIMAX_API_KEY": "mm-test",
            "FLUTTERWAVE_BASE_URL": emulatorURL + "/v3", "FLUTTERWAVE_SECRET_KEY": "FLWSECK_TEST-1",
            "FLUTTERWAVE_WEBHOOK_SECRET_HASH": Self.secretHash, "BASIC_PLAN_AMOUNT": "2900",
            "PRO_PLAN_AMOUNT": "19900", "ENTERPRISE_PLAN_AMOUNT": "99900", "DATABASE_CONNECT_TIMEOUT": "15",
        ].merging(Self.noLimits) { $1 }
        let migration = try await run("callwaiting", ["migrate", "--sql", Self.repository + "/sql"])
        guard migration.status.isSuccess else { throw Failure("migrate: \(migration)") }
        webhooks.set(try await assembly().application)
    }

    /// All tests together are one very busy caller.
    private static let noLimits = Dictionary(uniqueKeysWithValues: Setting.limits.map { ($0.name, "0") })

    /// The server in this process, with `changes` to its settings.
    func assembly(_ changes: [String: String] = [:], only: [String] = []) async throws -> Assembly {
        try await Assembly(
            only: only,
            source: try await SettingsSource(environment: settings.merging(changes) { _, new in new }))
    }

    /// Runs a program of ours to its end, with the settings in its environment.
    func run(
        _ name: String, _ arguments: [String], _ changes: [String: String] = [:]
    ) async throws -> (status: Termination, output: String) {
        let output = "\(directory)/output-\([UInt8].random(count: 4).hex)"
        let command = Command(
            "/bin/sh", ["-c", "exec \"$0\" \"$@\" >\(output) 2>&1", Self.program(name)] + arguments,
            environment: environment(changes))
        let status = try await supervisor.run(name, command)
        let text = FileManager.default.contents(atPath: output).map { String(decoding: $0, as: UTF8.self) }
        return (status, text ?? "")
    }

    func environment(_ changes: [String: String] = [:]) -> [String: String] {
        Command.plainEnvironment().merging(settings) { _, new in new }.merging(changes) { _, new in new }
    }

    /// A connection as the cluster's superuser, to look behind the scenes.
    func superuser() async throws -> PlainConnection {
        try await PlainConnection(databaseURL, logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
    }

    /// The files of all recordings that there are.
    func recordings() throws -> Set<String> {
        let audio = directory + "/audio"
        return Set(
            try FileManager.default.subpathsOfDirectory(atPath: audio).filter { !Files.isDirectory("\(audio)/\($0)") })
    }

    /// A short private directory that ends with the process.
    private static func makeDirectory() throws -> String {
        let path = "/tmp/cw-e2e-\([UInt8].random(count: 4).hex)"
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        return path
    }

    private static func prepareDatabase(_ url: String, _ logger: Logger) async throws -> String {
        let connection = try await PlainConnection(url, logger: logger)
        for file in ["roles.sql", "supabase_defaults.sql"] {
            let data = FileManager.default.contents(atPath: "\(repository)/sql/\(file)") ?? Data()
            try await connection.execute(String(decoding: data, as: UTF8.self))
        }
        let row = try await connection.query(Statement("select current_database() as name")).one()
        await connection.close()
        return try row.decode("name", as: String.self)
    }

    /// The checkout's root, from this file's own place in it.
    static let repository = #filePath.split(separator: "/").dropLast(3).reduce("") { "\($0)/\($1)" }

    /// A program that this build has made.
    static func program(_ name: String) -> String {
        // The test bundle lies beside the programs.
        let bundle = CommandLine.arguments.first { $0.hasSuffix(".xctest") } ?? CommandLine.arguments[0]
        return bundle.split(separator: "/").dropLast().reduce("") { "\($0)/\($1)" } + "/" + name
    }

    struct Failure: Error, CustomStringConvertible {
        let description: String
        init(_ description: String) { self.description = description }
    }
}

/// What has to go when the process that ran the tests ends.
private enum Leftovers {
    private static let noted = Mutex<(directory: String, state: StateDirectory)?>(nil)

    static func note(_ directory: String, _ state: StateDirectory) {
        noted.withLock { $0 = (directory, state) }
        atexit {
            guard let (directory, state) = Leftovers.noted.withLock({ $0 }) else { return }
            try? state.cleanUp()
            try? FileManager.default.removeItem(atPath: directory)
        }
    }
}
