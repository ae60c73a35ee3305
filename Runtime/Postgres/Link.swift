import Logging

/// One connection of a lane, and the thread that owns it.
final class Link: Sendable {
    let wakeUp: WakeUp
    private let index: Int
    private let queue: LaneQueue
    private let target: ConnectionTarget
    private let options: PipelinedConnection.Options
    private let counters: Counters
    private let logger: Logger

    init(
        _ index: Int, _ wakeUp: WakeUp, queue: LaneQueue, target: ConnectionTarget,
        options: PipelinedConnection.Options,
        counters: Counters, logger: Logger
    ) {
        self.index = index
        self.wakeUp = wakeUp
        self.queue = queue
        self.target = target
        self.options = options
        self.counters = counters
        self.logger = logger
    }

    /// The thread's whole life: until the queue is closed and empty.
    /// - Parameter wake: Wakes another connection of the lane.
    func run(waking wake: (Int) -> Void) {
        var connection: PipelinedConnection?
        while true {
            switch queue.next(for: index, connected: connection != nil) {
            case .end:
                return
            case .sleep:
                if connection?.sleep(wakeUp) == false {
                    logger.debug("postgres ended an idle connection")
                    connection = nil
                } else if connection == nil {
                    wakeUp.wait()
                }
            case .connect:
                connection = connect()
            case .send(let jobs):
                connection = connection.flatMap { run(jobs, on: $0, waking: wake) }
            }
        }
    }

    private func connect() -> PipelinedConnection? {
        do throws(DatabaseError) {
            let connection = try PipelinedConnection(to: target, options: options, logger: logger) {
                queue.expire()
                return !queue.isDone
            }
            queue.connectionMade()
            counters.connected()
            return connection
        } catch {
            logger.warning("no connection to postgres", metadata: ["error": "\(error.debugDescription)"])
            counters.failedToConnect()
            queue.connectionFailed(index, error)
            return nil
        }
    }

    /// Returns the connection if it can be used again.
    private func run(
        _ jobs: [Job], on connection: PipelinedConnection, waking wake: (Int) -> Void
    ) -> PipelinedConnection? {
        guard !jobs.isEmpty else { return connection }
        guard connection.isAlive() else {
            queue.putBack(jobs)
            return nil
        }
        counters.batch(of: jobs)
        var again: [Job] = []
        func tick(_ now: ContinuousClock.Instant, isSilent: Bool) {
            queue.expire(now: now)
            if let helper = queue.look(for: index, isHeldUp: isSilent) { wake(helper) }
        }
        let ending = connection.run(jobs, tick: tick) { job, answer in
            if case .failure(let error) = answer, error.meansStaleConnection, job.mayRetry() {
                again.append(job)
            } else {
                if case .failure = answer { counters.failed(1) }
                job.finish(answer)
            }
        }
        queue.putBack(again)
        switch ending {
        case .reusable:
            return connection
        case .replace:
            logger.notice("replacing a postgres connection whose prepared statements are stale")
            return nil
        case .lost(let error):
            logger.warning("lost a postgres connection", metadata: ["error": "\(error.debugDescription)"])
            let unknown = error.with { $0.outcomeUnknown = true }
            counters.failed(connection.unanswered.count)
            connection.unanswered.forEach { $0.finish(.failure(unknown)) }
            queue.putBack(Array(connection.unsent))
            return nil
        }
    }
}
