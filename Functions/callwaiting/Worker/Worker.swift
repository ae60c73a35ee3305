import AudioStore
import Callers
import FunctionCore
import FunctionService
import Logging
import Payments
import PostgresClient
import Providers

/// What has to be done when nobody asks: each job is a look at what is due, claimed row by row, so that several workers
/// never do a thing twice and one that dies leaves its rows to the next.
struct Worker: Sendable {
    private let services: Services
    /// Lines of work that do not wait for each other: a provider that is slow does not keep holds from expiring.
    private let lines: [Line]
    private let record = WorkerRecord()
    private let stop = WorkerStop()

    struct Job: Sendable {
        let name: String
        /// - Returns: how many things were done.
        let run: @Sendable () async throws -> Int
    }

    /// Jobs that are done one after another, again and again.
    private struct Line {
        let jobs: [Job]
        /// What ends the rest between two looks early; nil for nothing.
        var wakeUpCall: WakeUpCall?
        /// How long until something is due; nil when nothing will be, or when that is not known.
        var rest: @Sendable () async -> Duration? = { nil }
    }

    /// What MESSAGE_RETENTION may be, in days.
    static let retentionDays = 1...36_500

    init(source: SettingsSource) async throws {
        var reader = SettingsReader(source.reader)
        let server = ServerSettings(from: &reader)
        let database = Database.Configuration(from: &reader)
        let flutterwave = Flutterwave.Configuration(from: &reader)
        let audio = AudioSettings(from: &reader)
        let retention = reader.integer(.messageRetention, in: Self.retentionDays)
        let logger = Logger.callwaiting(level: Logger.Level(from: &reader))
        try reader.finish()
        let services = try Services(server: server, database: database, logger: logger)
        let client = Flutterwave(flutterwave, client: services.web)
        let payments = PaymentJobs(database: services.database, flutterwave: client, stop: stop, logger: logger)
        let cleaning = CleaningJobs(
            database: services.database, store: audio.store, audioLifetime: audio.lifetime, retentionDays: retention,
            logger: logger)
        self.services = services
        lines = [
            Line(
                jobs: payments.jobs,
                wakeUpCall: WakeUpCall(databaseURL: database.connectionString, logger: logger), rest: payments.rest),
            Line(jobs: cleaning.jobs),
        ]
    }

    /// Works until a signal, or the supervisor's end, says otherwise; what is being done then is finished first.
    ///
    /// - Parameter page: where to serve the status page; nil for nowhere.
    func runUntilStopped(
        every interval: Duration, _ life: ServingLife, page endpoint: Listener.Endpoint?
    ) async throws -> Server.Outcome {
        // A server without sockets: it knows about signals and supervisors, and stops in the same way as the others.
        var configuration = Server.Configuration(listeners: [])
        configuration.loops = 1
        configuration.apply(life)
        let server = Server(responder: NoRequests(), configuration: configuration, logger: services.logger)
        let work = Task { await run(every: interval) }
        let page = StatusPage(
            services, server: nil, and: [WorkerStatus(record: record, database: services.database)])
        let outcome = try await page.serve(on: endpoint, logger: services.logger) {
            // Said once signals are heeded: whoever reads it may send one.
            try await server.run { [logger = services.logger] _ in logger.info("worker started") }
        }
        stop.tell()
        work.cancel()  // ends a rest; jobs are shielded
        await work.value
        services.logger.info("worker stopped")
        return outcome
    }

    private func run(every interval: Duration) async {
        await withTaskGroup(of: Void.self) { group in
            for line in lines { group.addTask { await run(line, every: interval) } }
        }
    }

    private func run(_ line: Line, every interval: Duration) async {
        while !stop.isTold {
            _ = await Task { await run(line.jobs) }.value
            if stop.isTold { break }
            let rest = min(await line.rest() ?? interval, interval)
            if let call = line.wakeUpCall {
                await call.wait(atMost: max(rest, Self.shortestRest))
            } else {
                // Cancelling ends the sleep, and the loop looks whether to stop.
                try? await Task.sleep(for: rest)
            }
        }
        await line.wakeUpCall?.close()
    }

    /// Between two looks, so that a row that stays due does not keep a processor busy.
    private static let shortestRest = Duration.milliseconds(250)

    /// Does what is due now. A job that fails is logged and tried again at the next look.
    ///
    /// - Returns: whether none failed.
    @discardableResult
    func runOnce() async -> Bool {
        await withTaskGroup(of: Bool.self) { group in
            for line in lines { group.addTask { await run(line.jobs) } }
            return await group.reduce(true) { $0 && $1 }
        }
    }

    private func run(_ jobs: [Job]) async -> Bool {
        var allWell = true
        for job in jobs where !stop.isTold {
            do {
                let count = try await job.run()
                record.succeeded(job.name, count)
                if count > 0 { services.logger.info("job", metadata: ["job": "\(job.name)", "count": "\(count)"]) }
            } catch {
                allWell = false
                record.failed(job.name)
                services.logger.error("job failed", metadata: ["job": "\(job.name)", "cause": "\(error)"])
            }
        }
        return allWell
    }

    func shutdown() async { await services.shutdown() }
}

/// The worker serves nothing yet.
private struct NoRequests: Responder {
    func accept(_ head: RequestHead) -> Acceptance { .answer(refuse(Problem(.notFound))) }
    func refuse(_ problem: Problem) -> Response { problem.response(instance: RequestID()) }
}
