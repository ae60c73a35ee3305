import ArgumentParser
import FunctionService

/// What every command that serves sockets takes.
struct ServingOptions: ParsableArguments {
    @Option(parsing: .upToNextOption, help: "Serve only these functions.") var only: [String] = []
    @Option(help: ArgumentHelp("Stop when this descriptor is closed at its other end.", visibility: .hidden))
    var parentPipe: Int32?

    /// Serves until a signal says otherwise; then requests in flight get the drain budget.
    func serve(_ listeners: [Listener]) async throws {
        let assembly = try await Assembly(only: only, source: try await SettingsSource())
        let services = assembly.services
        // A login role that could pass row-level security must not serve. A database that is down is no reason not to
        // start: requests get 503 until it is back, and every new connection is checked again.
        do {
            try await services.database.verifyLoginRole()
        } catch  where !error.meansUnavailable {
            throw ServingError(description: "\(error)")
        } catch {
            services.logger.warning("the database does not answer yet", metadata: ["cause": "\(error)"])
        }
        let server = Server(
            responder: assembly.application,
            configuration: .serving(services.server, listeners, parentPipe: parentPipe), logger: services.logger)
        try await server.run { addresses in
            for address in addresses { services.logger.info("listening", metadata: ["address": "\(address)"]) }
        }
        await services.shutdown()
    }
}

/// Why serving was refused.
struct ServingError: Error, CustomStringConvertible {
    let description: String
}

extension Server.Configuration {
    static func serving(_ settings: ServerSettings, _ listeners: [Listener], parentPipe: CInt?) -> Self {
        var configuration = Server.Configuration(listeners: listeners)
        if settings.eventLoops > 0 { configuration.loops = settings.eventLoops }
        configuration.limits.concurrentRequests = settings.requestsInFlight
        configuration.drainTime = settings.drainBudget
        configuration.basePath = settings.basePath
        configuration.parentPipe = parentPipe
        return configuration
    }
}
