import ArgumentParser
import FunctionService
import Glibc

/// What every command that serves sockets takes.
struct ServingOptions: ParsableArguments {
    @Option(parsing: .upToNextOption, help: "Serve only these functions.") var only: [String] = []
    @OptionGroup var admin: AdminOption
    @Option(help: ArgumentHelp("Stop when this descriptor is closed at its other end.", visibility: .hidden))
    var parentPipe: Int32?

    /// Serves until a signal says otherwise; then requests in flight get the drain budget.
    func serve(
        _ listeners: [Listener], configure: (inout Server.Configuration) -> Void = { _ in }
    ) async throws {
        let life = ServingLife(parentPipe: parentPipe)
        try await life.run {
            let assembly = try await Assembly(only: only, source: try await SettingsSource())
            let services = assembly.services
            try await services.checkLoginRole()
            var configuration = Server.Configuration(listeners: listeners)
            configuration.apply(services.server)
            configuration.apply(life)
            configuration.draining = services.draining
            configure(&configuration)
            let accessLog = try services.makeAccessLog()
            configuration.accessLog = accessLog
            let server = Server(
                responder: assembly.application, configuration: configuration, logger: services.logger)
            let page = StatusPage(services, server: server, accessLog: accessLog)
            let outcome = try await page.serve(on: try admin.endpoint(services.server), logger: services.logger) {
                try await server.run { addresses in
                    for address in addresses { services.logger.info("listening", metadata: ["address": "\(address)"]) }
                }
            }
            await accessLog?.close()
            await services.shutdown()
            return outcome
        }
    }
}

extension Services {
    /// A login role that could pass row-level security must not serve. A database that is down is no reason not to
    /// start: requests get 503 until it is back, and every new connection is checked again.
    ///
    /// - Throws: ``ServingError``.
    func checkLoginRole() async throws {
        do {
            try await database.verifyLoginRole()
        } catch  where !error.meansUnavailable {
            throw ServingError(description: "\(error)")
        } catch {
            logger.warning("the database does not answer yet", metadata: ["cause": "\(error)"])
        }
    }
}

extension Services {
    fileprivate func makeAccessLog() throws -> AccessLog? {
        try server.accessLog.map { try AccessLog($0, server.accessLogFormat, logger: logger) }
    }
}

/// Why serving was refused.
struct ServingError: Error, CustomStringConvertible {
    let description: String
}

extension Server.Configuration {
    mutating func apply(_ settings: ServerSettings) {
        if settings.eventLoops > 0 { loops = settings.eventLoops }
        limits.concurrentRequests = settings.requestsInFlight
        limits.slowRequest = settings.slowRequest
        // A kept connection a request, and as many that wait for their next.
        connections = max(connections, settings.requestsInFlight * 2)
        drainTime = settings.drainBudget
        handoverTime = max(settings.drainBudget, settings.requestDeadline + limits.overrun * 2)
        drainDelay = settings.drainDelay
        basePath = settings.basePath
        trustedProxies = settings.trustedProxies
    }
}
