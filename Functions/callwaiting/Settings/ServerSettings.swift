import FunctionCore
import FunctionService
import Logging
import PostgresClient

/// What every serving process needs, whichever functions it serves.
struct ServerSettings: Sendable {
    let publicURL: String
    let appURL: String?
    let basePath: String
    let requestDeadline: Duration
    let requestsInFlight: Int
    let drainBudget: Duration
    let drainDelay: Duration
    let eventLoops: Int
    let residentIdleTime: Duration
    let trustedProxies: TrustedProxies
    /// nil for never.
    let slowRequest: Duration?
    /// nil for none.
    let accessLog: AccessLog.Destination?
    let accessLogFormat: AccessLogFormat
    /// nil for nowhere.
    let adminSocket: Listener.Endpoint?
    let limits: LimitSettings

    /// What REQUEST_DEADLINE may be, in seconds.
    static let deadlines = 5...3_600

    init(from reader: inout SettingsReader) {
        publicURL = reader.url(.publicURL)
        appURL = reader.optionalURL(.appURL)
        basePath = reader.optional(.basePath) ?? ""
        if !basePath.isEmpty, !basePath.hasPrefix("/") || basePath.hasSuffix("/") {
            reader.report(.basePath, "must begin with a slash and not end with one")
        }
        requestDeadline = .seconds(reader.integer(.requestDeadline, in: Self.deadlines))
        requestsInFlight = reader.integer(.requestsInFlight, in: 1...100_000)
        drainBudget = .seconds(reader.integer(.drainBudget, in: 0...3_600))
        drainDelay = .seconds(reader.integer(.drainDelay, in: 0...3_600))
        eventLoops = reader.integer(.eventLoops, in: 0...256)
        residentIdleTime = .seconds(reader.integer(.residentIdleTime, in: 1...86_400))
        let proxies = (reader.optional(.trustedProxies) ?? "").split(separator: ",").map { text in
            String(text.filter { $0 != " " })
        }
        trustedProxies = TrustedProxies(proxies) ?? .none
        if TrustedProxies(proxies) == nil {
            reader.report(.trustedProxies, "has something that is no address or network")
        }
        let slowSeconds = reader.integer(.slowRequest, in: 0...3_600)
        slowRequest = slowSeconds > 0 ? .seconds(slowSeconds) : nil
        accessLog = reader.optional(.accessLog).map { $0 == "-" ? .standardOutput : .file(path: $0) }
        accessLogFormat = reader.choice(.accessLogFormat, ["combined": .combined, "json": .json])
        let adminText = reader.optional(.adminSocket)
        adminSocket = adminText.flatMap { Listener.Endpoint(private: $0) }
        if adminText != nil, adminSocket == nil {
            reader.report(.adminSocket, "is neither a path nor HOST:PORT on the loopback interface")
        }
        limits = LimitSettings(from: &reader)
    }
}

extension Logger.Level {
    init(from reader: inout SettingsReader) {
        let levels = Logger.Level.allCases
        let text = reader.required(.logLevel)
        if let level = Logger.Level(rawValue: text) {
            self = level
        } else {
            reader.report(.logLevel, "is not one of \(levels.map(\.rawValue).joined(separator: ", "))")
            self = .info
        }
    }
}

extension Database.Configuration {
    init(from reader: inout SettingsReader) {
        self.init(connectionString: reader.required(.databaseURL))
        connections = reader.integer(.databasePoolSize, in: 1...64)
        durableConnections = reader.integer(.databaseDurablePoolSize, in: 0...64)
        slowConnections = reader.integer(.databaseSlowPoolSize, in: 1...64)
        queueLimit = reader.integer(.databaseQueue, in: 1...1_000_000)
        statementTimeout = .milliseconds(reader.integer(.databaseTimeout, in: 10...600_000))
        connectTimeout = .seconds(reader.integer(.databaseConnectTimeout, in: 1...60))
        prepared = reader.choice(.databasePrepared, ["auto": .unlessPooled, "on": .always, "off": .never])
        batch = reader.flag(.databaseBatch)
    }
}
