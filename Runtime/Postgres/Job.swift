import Synchronization

/// A transaction and the caller that waits for it. Whoever finishes it first decides; later answers are dropped.
final class Job: Sendable {
    typealias Answer = Result<[Rows], DatabaseError>

    let transaction: Transaction
    let deadline: ContinuousClock.Instant
    let submitted: ContinuousClock.Instant
    private let state = Mutex(State())

    private struct State {
        var caller: CheckedContinuation<Answer, Never>?
        var answer: Answer?
        var sent = false
        var retried = false
    }

    init(
        _ transaction: Transaction, deadline: ContinuousClock.Instant, submitted: ContinuousClock.Instant = .now
    ) {
        self.submitted = submitted
        self.transaction = transaction
        self.deadline = deadline
    }

    var isFinished: Bool { state.withLock { $0.answer != nil } }

    /// Remembers whom to resume. Resumes at once when the answer is there already: cancelled before it began.
    func attach(_ caller: CheckedContinuation<Answer, Never>) {
        let answer = state.withLock { state in
            if state.answer == nil { state.caller = caller }
            return state.answer
        }
        if let answer { caller.resume(returning: answer) }
    }

    /// Called as it leaves the queue for a connection. False when nobody waits any more, so that it need not be sent.
    func markSent() -> Bool {
        state.withLock { state in
            guard state.answer == nil else { return false }
            state.sent = true
            return true
        }
    }

    /// Called when it goes back to the queue, unsent after all or certainly rolled back.
    func markUnsent() {
        state.withLock { $0.sent = false }
    }

    /// True the first time that it is asked: a transaction is sent a second time at most.
    func mayRetry() -> Bool {
        state.withLock { state in
            defer { state.retried = true }
            return !state.retried
        }
    }

    func finish(_ answer: Answer) {
        resume { _ in answer }
    }

    /// Finishes without an answer of the server's; the outcome is unknown when the transaction has been sent.
    func abandon(_ kind: DatabaseError.Kind, _ message: String) {
        resume { sent in .failure(DatabaseError(kind, message, outcomeUnknown: sent)) }
    }

    private func resume(with answer: (_ sent: Bool) -> Answer) {
        let resumption: (CheckedContinuation<Answer, Never>, Answer)? = state.withLock { state in
            guard state.answer == nil else { return nil }
            let answer = answer(state.sent)
            state.answer = answer
            defer { state.caller = nil }
            return state.caller.map { ($0, answer) }
        }
        if let (caller, answer) = resumption { caller.resume(returning: answer) }
    }
}
