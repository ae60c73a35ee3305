import Callers
import Configuration
import FoundationEssentials
import FunctionCore
import FunctionService
import HTTPTypes
import Logging
import PostgresClient
import Problems
import SignIn
import WebClient

/// Everything a serving process is made of, put together from the settings: the same for CGI, FastCGI and HTTP.
struct Assembly: Sendable {
    let application: Application
    let services: Services

    /// - Parameters:
    ///   - only: names of the functions to serve; empty serves all.
    ///   - isForOneRequest: whether a second connection to the database would never be worth making.
    /// - Throws: ``SettingsError`` with everything that is missing or wrong, before anything is started.
    init(only: [String] = [], source: SettingsSource, isForOneRequest: Bool = false) async throws {
        var reader = SettingsReader(source.reader)
        let server = ServerSettings(from: &reader)
        var database = Database.Configuration(from: &reader)
        if isForOneRequest { database.durableConnections = 0 }
        let identity = IdentitySettings(from: &reader)
        let logger = Logger.callwaiting(level: Logger.Level(from: &reader))
        let entries = try Self.entries(only)
        let makers = entries.map { $0.prepare(&reader) }
        try reader.finish()

        services = try Services(server: server, database: database, logger: logger)
        var functions: [any Function] = []
        for make in makers {
            if let function = try await make(services) { functions.append(function) }
        }
        application = Application(
            functions, authenticator: await identity.authenticator(services),
            configuration: Self.configuration(server), logger: logger)
    }

    private static func entries(_ only: [String]) throws -> [FunctionEntry] {
        if only.isEmpty { return Catalogue.entries }
        return try only.map { name in
            guard let entry = Catalogue.entries.first(where: { $0.name.rawValue == name }) else {
                throw SettingsError(problems: ["there is no function called \(name); see `callwaiting functions`"])
            }
            return entry
        }
    }

    private static func configuration(_ server: ServerSettings) -> Application.Configuration {
        Application.Configuration(
            publicURL: server.publicURL,
            cors: CORS(
                origins: Set(server.appURL.map { [$0.origin] } ?? []),
                requestFields: [.authorization, .contentType, .agentKey, .workspaceID, .idempotencyKey]
                    + ["apikey", "X-Client-Info", "X-Supabase-Api-Version"].compactMap { HTTPField.Name($0) },
                responseFields: [.requestID, .retryAfter, .rateLimit, .rateLimitPolicy, .idempotentReplayed]),
            deadline: server.requestDeadline, translate: Problem.translate, problemBodies: [GoTrueProblem.body])
    }
}

extension String {
    /// The origin of an absolute URL: scheme, host and port, without a path.
    var origin: String {
        guard let url = URL(string: self), let scheme = url.scheme, let host = url.host() else { return self }
        return "\(scheme)://\(host)" + (url.port.map { ":\($0)" } ?? "")
    }
}

extension Logger {
    /// One JSON object a line, to stderr.
    static func callwaiting(level: Logger.Level) -> Logger {
        var logger = Logger(label: "callwaiting") { JSONLogHandler(label: $0) }
        logger.logLevel = level
        return logger
    }
}
