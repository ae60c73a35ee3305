import Logging
import Synchronization

/// A lane: its queue and its connections' threads, each started when it is first needed.
final class LaneConnections: Sendable {
    let queue: LaneQueue
    private let lane: Lane
    private let counters = Counters()
    private let links: [Link]
    private let threads: Mutex<Threads>

    private struct Threads {
        var started: [Bool]
        var running = 0
        var waitingForEnd: [CheckedContinuation<Void, Never>] = []

        mutating func takeWaiting() -> [CheckedContinuation<Void, Never>] {
            defer { waitingForEnd = [] }
            return waitingForEnd
        }
    }

    init(
        _ lane: Lane, count: Int, limits: LaneQueue.Limits, target: ConnectionTarget,
        options: PipelinedConnection.Options, logger: Logger
    ) {
        let wakeUps = (0..<max(1, count)).map { _ in WakeUp() }
        let queue = LaneQueue(waking: wakeUps, limits: limits)
        self.lane = lane
        self.queue = queue
        let counters = counters
        links = wakeUps.enumerated().map { index, wakeUp in
            Link(
                index, wakeUp, queue: queue, target: target, options: options, counters: counters, logger: logger)
        }
        threads = Mutex(Threads(started: Array(repeating: false, count: max(1, count))))
    }

    var statistics: Database.Statistics {
        var statistics = counters.current
        queue.add(to: &statistics)
        return statistics
    }

    /// Queues the job and waits for its answer.
    func answer(to job: Job) async -> Job.Answer {
        await withCheckedContinuation { caller in
            job.attach(caller)
            guard !job.isFinished else { return }
            switch queue.submit(job) {
            case .refused(let error): job.finish(.failure(error))
            case .queued: break
            case .wake(let index): wake(index)
            }
            // Cancelled while it was being queued: the handler may have looked before it was there.
            if job.isFinished { queue.remove(job) }
        }
    }

    func cancel(_ job: Job) {
        queue.remove(job)
        job.abandon(.cancelled, "the task was cancelled")
    }

    func close() {
        queue.close().forEach { links[$0].wakeUp.signal() }
    }

    /// Returns when all threads have ended, or at the deadline.
    func shutdown(until deadline: ContinuousClock.Instant) async {
        close()
        let alarm = Task {
            try await Task.sleep(until: deadline)
            for caller in threads.withLock({ $0.takeWaiting() }) { caller.resume() }
        }
        defer { alarm.cancel() }
        await withCheckedContinuation { (caller: CheckedContinuation<Void, Never>) in
            let none = threads.withLock { threads in
                if threads.running > 0 { threads.waitingForEnd.append(caller) }
                return threads.running == 0
            }
            if none { caller.resume() }
        }
    }

    private func wake(_ index: Int) {
        let isNew = threads.withLock { threads in
            guard !threads.started[index] else { return false }
            threads.started[index] = true
            threads.running += 1
            return true
        }
        guard isNew else { return links[index].wakeUp.signal() }
        let link = links[index]
        OwnThread.start("postgres-\(lane.rawValue)-\(index)") {
            link.run { self.wake($0) }
            self.threadEnded()
        }
    }

    private func threadEnded() {
        let callers = threads.withLock { threads in
            threads.running -= 1
            return threads.running == 0 ? threads.takeWaiting() : []
        }
        callers.forEach { $0.resume() }
    }
}
