import Testing

@testable import PostgresClient

/// Who does what waits, decided without a server.
@Suite struct LaneQueueTests {
    private let limits = LaneQueue.Limits(
        queue: 8, batch: 8, patience: .seconds(60), firstDelay: .seconds(60), longestDelay: .seconds(60))

    private func job(within time: Duration = .seconds(60)) -> Job {
        Job(Transaction(as: DatabaseRole("r"), [Statement("select 1")]), deadline: .now + time)
    }

    /// Two connections: the first has taken `job`, the second sleeps.
    private func oneBusyOneIdle(_ job: Job) throws -> LaneQueue {
        let queue = LaneQueue(waking: [WakeUp(), WakeUp()], limits: limits)
        _ = queue.submit(job)
        queue.connectionMade()
        guard case .send(let taken) = queue.next(for: 0, connected: true), taken.count == 1 else {
            throw Unexpected()
        }
        guard case .sleep = queue.next(for: 1, connected: true) else { throw Unexpected() }
        return queue
    }

    private struct Unexpected: Error {}

    @Test("what a dead connection puts back is handed to one that sleeps")
    func putBack() throws {
        let job = job()
        let queue = try oneBusyOneIdle(job)
        queue.putBack([job])
        // It has been woken, so a newcomer need not wake it again, and it finds the job.
        guard case .queued = queue.submit(self.job()) else {
            Issue.record("the sleeper was not woken")
            return
        }
        guard case .send(let taken) = queue.next(for: 1, connected: true) else {
            Issue.record("the sleeper finds nothing to do")
            return
        }
        #expect(taken.first === job)
    }

    @Test("what comes while a connection is at work waits for it, until that is a batch or has waited too long")
    func patience() throws {
        let queue = try oneBusyOneIdle(job())
        for _ in 1..<limits.batch { #expect(queue.submit(job()).isQueued) }
        #expect(queue.submit(job()).wakes == 1)

        let another = try oneBusyOneIdle(job())
        let transaction = Transaction(as: DatabaseRole("r"), [Statement("select 1")])
        let late = ContinuousClock.now - limits.patience
        #expect(another.submit(Job(transaction, deadline: .now + .seconds(60), submitted: late)).isQueued)
        #expect(another.submit(job()).wakes == 1)
    }

    @Test("what has waited too long by the time somebody looks gets another connection")
    func lateWithoutANewcomer() throws {
        let queue = try oneBusyOneIdle(job())
        #expect(queue.submit(job()).isQueued)
        #expect(queue.look(for: 0, isHeldUp: false) == nil)
        let another = try oneBusyOneIdle(job())
        let transaction = Transaction(as: DatabaseRole("r"), [Statement("select 1")])
        _ = another.submit(
            Job(transaction, deadline: .now + .seconds(60), submitted: .now - limits.patience))
        #expect(another.look(for: 0, isHeldUp: false) == 1)
    }

    @Test("nobody waits for a connection that hears nothing")
    func heldUp() throws {
        let queue = try oneBusyOneIdle(job())
        #expect(queue.look(for: 0, isHeldUp: true) == nil, "nothing waits")
        #expect(queue.submit(job()).wakes == 1)

        let another = try oneBusyOneIdle(job())
        #expect(another.submit(job()).isQueued)
        #expect(another.look(for: 0, isHeldUp: true) == 1)
        #expect(another.look(for: 0, isHeldUp: true) == nil, "it has been woken")
        var statistics = Database.Statistics()
        another.add(to: &statistics)
        #expect(statistics.busy == 2)
    }

    @Test("nobody waits for a connection that is being made while another one sleeps")
    func idleWhileConnecting() throws {
        let queue = LaneQueue(waking: [WakeUp(), WakeUp()], limits: limits)
        #expect(queue.submit(job()).wakes == 0)
        queue.connectionMade()
        guard case .send = queue.next(for: 0, connected: true) else { throw Unexpected() }
        #expect(queue.submit(job()).isQueued)
        #expect(queue.look(for: 0, isHeldUp: true) == 1)
        guard case .send = queue.next(for: 0, connected: true), case .sleep = queue.next(for: 0, connected: true) else {
            throw Unexpected()
        }
        #expect(queue.submit(job()).wakes == 0)
    }

    @Test("one that can make no connection ends when all do")
    func closing() throws {
        let queue = try oneBusyOneIdle(job())
        _ = queue.submit(job())
        _ = queue.close()
        queue.connectionFailed(1, DatabaseError(.unavailable(.notConnected), "refused"))
        guard case .end = queue.next(for: 1, connected: false) else { throw Unexpected() }
    }

    @Test("one that has no connection yet makes one for what waits")
    func notConnected() {
        let queue = LaneQueue(waking: [WakeUp(), WakeUp()], limits: limits)
        #expect(queue.submit(job()).wakes == 0)
        queue.connectionMade()
        guard case .send = queue.next(for: 0, connected: true) else {
            Issue.record("it has nothing to send")
            return
        }
        #expect(queue.submit(job()).isQueued)
        #expect(queue.look(for: 0, isHeldUp: true) == 1)
    }

    @Test("what waits when the last attempt to connect fails is failed, not left")
    func stranded() throws {
        let queue = LaneQueue(waking: [WakeUp()], limits: limits)
        let job = job()
        _ = queue.submit(job)
        queue.connectionFailed(0, DatabaseError(.unavailable(.notConnected), "refused"))
        #expect(job.isFinished)
        var statistics = Database.Statistics()
        queue.add(to: &statistics)
        #expect(statistics.waiting == 0)
    }

    @Test("what waited beyond its own deadline when an attempt to connect fails is told of the deadline")
    func late() async {
        let queue = LaneQueue(waking: [WakeUp()], limits: limits)
        let (late, patient) = (job(within: .zero), job())
        for job in [late, patient] { _ = queue.submit(job) }
        queue.connectionFailed(0, DatabaseError(.unavailable(.notConnected), "refused"))
        #expect(await failure(of: late)?.kind == .unavailable(.deadline))
        #expect(await failure(of: patient)?.kind == .unavailable(.notConnected))
    }

    private func failure(of job: Job) async -> DatabaseError? {
        let answer = await withCheckedContinuation { (caller: CheckedContinuation<Job.Answer, Never>) in
            job.attach(caller)
        }
        guard case .failure(let error) = answer else { return nil }
        return error
    }
}

extension LaneQueue.Submission {
    fileprivate var isQueued: Bool {
        if case .queued = self { true } else { false }
    }

    fileprivate var wakes: Int? {
        if case .wake(let index) = self { index } else { nil }
    }
}
