import AudioStore
import Callers
import FunctionCore
import FunctionService
import Logging
import Metering
import PostgresClient
import WebClient

/// What functions share: one database pool and one HTTP client a process.
struct Services: Sendable {
    let server: ServerSettings
    let database: Database
    let web: WebClient
    /// One for all functions: only what ends together within one is settled together.
    let meter: Meter
    let logger: Logger
    let draining = Draining()

    init(server: ServerSettings, database: Database.Configuration, logger: Logger) throws {
        self.server = server
        self.database = try Database(database, logger: logger)
        // A hold outlives its request by as much again, so that a settle on the deadline still finds it.
        meter = Meter(
            database: self.database, lease: server.requestDeadline * 2,
            limits: .init(
                agent: server.limits.agent, agentCallsAtOnce: server.limits.agentCallsAtOnce,
                speech: server.limits.speech))
        // A request waits for one provider at a time.
        var web = WebClient.Configuration()
        web.maximumTransfers = max(web.maximumTransfers, server.requestsInFlight)
        self.web = WebClient(web, logger: logger)
        self.logger = logger
    }

    /// `iss` of the tokens that we sign ourselves.
    var issuer: String { server.publicURL + "/auth/v1" }

    func delivery(_ audio: AudioSettings) -> MeteredDelivery {
        MeteredDelivery(meter: meter, store: audio.store, signer: audio.signer, lifetime: audio.lifetime)
    }

    func shutdown() async {
        await database.shutdown()
        await web.shutdown()
    }
}
