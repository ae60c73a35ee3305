import Synchronization

/// The transactions that wait for a connection of one lane, and what each of its connections is doing.
///
/// Every decision is taken under one lock, so that no transaction can be left waiting with nobody on the way to it.
final class LaneQueue: Sendable {
    struct Limits: Sendable {
        /// Transactions that may wait.
        var queue: Int
        /// Transactions sent before the first answer is read.
        var batch: Int
        /// Bytes of SQL and parameters sent before the first answer is read, unless one transaction has more.
        var batchBytes = 262_144
        /// How long something waits for a connection that is at work before another one takes it.
        var patience = Duration.milliseconds(10)
        var firstDelay: Duration
        var longestDelay: Duration
    }

    /// What a connection's thread is doing.
    enum Activity {
        /// No connection, and nobody has asked for one.
        case off
        case connecting
        /// Connected, and asleep until it is woken.
        case idle
        /// Woken or at work; looks at the queue before it sleeps again.
        case busy
        /// At work, and the server has said nothing for so long that nobody should wait for it.
        case heldUp
        /// Its thread has ended.
        case ended
    }

    /// What a connection's thread should do next.
    enum Step {
        case connect
        case send([Job])
        case sleep
        case end
    }

    fileprivate struct State {
        var waiting: [Job] = []
        var activities: [Activity]
        var closing = false
        var failures = 0
        var nextAttempt = ContinuousClock.now
        var lastFailure: DatabaseError?
    }

    private let limits: Limits
    /// By connection; only sleepers are woken through it, whose threads run.
    private let wakeUps: [WakeUp]
    private let state: Mutex<State>

    /// - Parameter wakeUps: one for each connection of the lane.
    init(waking wakeUps: [WakeUp], limits: Limits) {
        self.limits = limits
        self.wakeUps = wakeUps
        state = Mutex(State(activities: Array(repeating: .off, count: wakeUps.count)))
    }

    /// Adds what it knows of this moment.
    func add(to statistics: inout Database.Statistics) {
        state.withLock { state in
            statistics.waiting = state.waiting.count
            statistics.oldestWait = state.waiting.first?.submitted.duration(to: .now) ?? .zero
            statistics.busy = state.activities.count { $0 == .busy || $0 == .heldUp }
            statistics.connected = statistics.busy + state.activities.count { $0 == .idle }
            statistics.connectionLimit = state.activities.count
        }
        statistics.waitingLimit = limits.queue
    }

    // MARK: Callers

    enum Submission {
        case refused(DatabaseError)
        /// Queued; the named connection is asleep and must be woken.
        case wake(Int)
        /// Queued; somebody is on the way.
        case queued
    }

    func submit(_ job: Job) -> Submission {
        state.withLock { state in
            if state.closing { return .refused(DatabaseError(.unavailable(.shutDown), "the database was shut down")) }
            guard state.waiting.count < limits.queue else {
                return .refused(DatabaseError(.unavailable(.queueFull), "\(limits.queue) transactions are waiting"))
            }
            state.waiting.append(job)
            if let helper = state.takeHelper(at: job.submitted, limits) { return .wake(helper) }
            guard !state.isLive else { return .queued }
            state.waiting.removeLast()
            return .refused(state.notConnected)
        }
    }

    /// Takes a job out of the queue, if it is still there.
    func remove(_ job: Job) {
        state.withLock { $0.waiting.removeAll { $0 === job } }
    }

    /// Accepts nothing more. What is waiting is still done. Returns the sleepers, which must be woken to see it.
    func close() -> [Int] {
        state.withLock { state in
            state.closing = true
            return state.activities.indices.filter { state.activities[$0] == .idle || state.activities[$0] == .off }
        }
    }

    // MARK: Connections

    /// Decides what connection `index` does next.
    func next(for index: Int, connected: Bool) -> Step {
        let (step, stranded) = state.withLock { state -> (Step, [Job]) in
            if state.waiting.isEmpty {
                if state.closing {
                    state.activities[index] = .ended
                    return (.end, [])
                }
                state.activities[index] = connected ? .idle : .off
                return (.sleep, [])
            }
            if connected {
                state.activities[index] = .busy
                return (.send(state.takeBatch(limits)), [])
            }
            if ContinuousClock.now >= state.nextAttempt {
                state.activities[index] = .connecting
                return (.connect, [])
            }
            // Nobody would wake it for the end.
            state.activities[index] = state.closing ? .ended : .off
            return (state.closing ? .end : .sleep, state.takeStranded())
        }
        strand(stranded)
        handOver()
        return step
    }

    func connectionMade() {
        state.withLock { state in
            state.failures = 0
            state.nextAttempt = .now
            state.lastFailure = nil
        }
    }

    /// Puts off the next attempt, and fails what is waiting unless another connection can do it.
    func connectionFailed(_ index: Int, _ error: DatabaseError) {
        let stranded = state.withLock { state in
            state.activities[index] = .off
            state.nextAttempt = .now + limits.delay(afterFailures: state.failures)
            state.failures += 1
            state.lastFailure = error
            return state.takeStranded()
        }
        strand(stranded)
        handOver()
    }

    /// Puts jobs back in front: they were taken but not sent, or were rolled back through no fault of theirs.
    func putBack(_ jobs: [Job]) {
        jobs.forEach { $0.markUnsent() }
        state.withLock { $0.waiting.insert(contentsOf: jobs, at: 0) }
        handOver()
    }

    /// Wakes a sleeping connection for what waits, when the one that was to do it cannot: nobody else would tell it.
    private func handOver() {
        let sleeper = state.withLock { state -> Int? in
            guard !state.waiting.isEmpty, let idle = state.activities.firstIndex(of: .idle) else { return nil }
            state.activities[idle] = .busy
            return idle
        }
        if let sleeper { wakeUps[sleeper].signal() }
    }

    /// Looks whether what waits can go on waiting for connection `index`, which is at work.
    /// - Parameter isHeldUp: The server has said nothing for as long as anything should wait.
    /// - Returns: another connection, which must be woken for it.
    func look(for index: Int, isHeldUp: Bool) -> Int? {
        state.withLock { state in
            if isHeldUp { state.activities[index] = .heldUp }
            return state.waiting.isEmpty ? nil : state.takeHelper(at: .now, limits)
        }
    }

    /// Fails those whose deadline has passed. Called now and then by every thread that waits for something else.
    func expire(now: ContinuousClock.Instant = .now) {
        let late = state.withLock { state in
            guard state.waiting.contains(where: { $0.deadline <= now }) else { return [Job]() }
            let late = state.waiting.filter { $0.deadline <= now }
            state.waiting.removeAll { $0.deadline <= now }
            return late
        }
        for job in late { Self.expire(job) }
    }

    /// True when nobody waits and no more may come: connecting would be pointless.
    var isDone: Bool { state.withLock { $0.closing && $0.waiting.isEmpty } }

    private func strand(_ jobs: [Job]) {
        guard !jobs.isEmpty else { return }
        let error = state.withLock { $0.notConnected }
        let now = ContinuousClock.now
        for job in jobs {
            if job.deadline <= now { Self.expire(job) } else { job.finish(.failure(error)) }
        }
    }

    private static func expire(_ job: Job) {
        job.abandon(.unavailable(.deadline), "the deadline passed before it was sent")
    }
}

extension LaneQueue.Limits {
    /// Doubles from `firstDelay` to `longestDelay`.
    func delay(afterFailures failures: Int) -> Duration {
        min(firstDelay * (1 << min(failures, 20)), longestDelay)
    }
}

extension LaneQueue.State {
    /// True when some connection exists or is being made, so that what is queued will be looked at.
    var isLive: Bool {
        activities.contains { $0 == .connecting || $0 == .idle || $0 == .busy || $0 == .heldUp }
    }

    /// A connection that takes what waits from now on, and must be woken for it: an idle one, or one that can be made.
    ///
    /// None where one that is at work will take it next: in one larger batch it costs both sides less than in two.
    mutating func takeHelper(at now: ContinuousClock.Instant, _ limits: LaneQueue.Limits) -> Int? {
        let isLate = waiting.first.map { $0.submitted + limits.patience <= now } ?? false
        let isUrgent = isLate || waiting.count >= limits.batch
        guard isUrgent || !activities.contains(.busy) else { return nil }
        if let idle = activities.firstIndex(of: .idle) {
            activities[idle] = .busy
            return idle
        }
        guard isUrgent || !activities.contains(.connecting), let off = activities.firstIndex(of: .off),
            ContinuousClock.now >= nextAttempt
        else { return nil }
        activities[off] = .connecting
        return off
    }

    var notConnected: DatabaseError {
        lastFailure ?? DatabaseError(.unavailable(.notConnected), "no connection")
    }

    mutating func takeStranded() -> [Job] {
        guard !isLive else { return [] }
        defer { waiting = [] }
        return waiting
    }

    /// From the front, as many as may be sent together; those whose caller has gone are dropped.
    mutating func takeBatch(_ limits: LaneQueue.Limits) -> [Job] {
        var batch: [Job] = []
        var bytes = 0
        var taken = 0
        for job in waiting {
            guard batch.count < limits.batch else { break }
            let size = job.transaction.size
            guard batch.isEmpty || bytes + size <= limits.batchBytes else { break }
            taken += 1
            guard job.markSent() else { continue }
            bytes += size
            batch.append(job)
        }
        waiting.removeFirst(taken)
        return batch
    }
}
