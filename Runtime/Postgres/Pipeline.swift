/// What has been sent on a connection and not yet been answered, in order. Knows nothing of sockets.
///
/// A transaction is finished by the answer to its Sync and by nothing before: rows are not a commit.
struct Pipeline {
    /// One command that Postgres answers.
    enum Step {
        case settings
        case prepare(PreparedStatements.Key)
        case statement(Statement)
        case sync
    }

    struct Transaction {
        let job: Job
        var steps: [Step]
        var position = 0
        var rows: [Rows] = []
        var failure: DatabaseError?
    }

    /// What an answer leads to.
    enum Event {
        case none
        case prepared(PreparedStatements.Key, succeeded: Bool)
        /// The transaction's Sync was answered.
        case finished(Job, Job.Answer)
        /// The server said something that does not fit what was sent; nothing on this connection can be trusted.
        case confused
    }

    private var sent: [Transaction] = []
    private var head = 0
    private var answered = false

    var isEmpty: Bool { head == sent.count }
    /// Those that wait for an answer, oldest first.
    var transactions: ArraySlice<Transaction> { sent[head...] }

    mutating func append(_ job: Job, steps: [Step]) {
        if isEmpty {
            sent.removeAll(keepingCapacity: true)
            head = 0
        }
        sent.append(Transaction(job: job, steps: steps))
    }

    /// Takes a result that belongs to the first unanswered command.
    mutating func receive(_ outcome: Outcome) -> Event {
        guard !isEmpty else { return .confused }
        let step = sent[head].steps[sent[head].position]
        switch (step, outcome) {
        case (.sync, .synced):
            let transaction = sent[head]
            head += 1
            answered = false
            let answer: Job.Answer = transaction.failure.map { .failure($0) } ?? .success(transaction.rows)
            return .finished(transaction.job, answer)
        case (_, .synced):
            return .confused
        case (.sync, .failed(let error)):
            // A deferred constraint or a serialization failure: the commit itself did not succeed.
            fail(error)
            return .none
        case (.sync, _):
            return .confused
        case (.prepare(let key), _):
            answered = true
            if case .failed(let error) = outcome { fail(error) }
            if case .done = outcome { return .prepared(key, succeeded: true) }
            return .prepared(key, succeeded: false)
        case (_, .done(let rows)):
            answered = true
            if case .statement = step { sent[head].rows.append(rows) }
            return .none
        case (_, .failed(let error)):
            answered = true
            fail(error)
            return .none
        case (_, .skipped):
            answered = true
            return .none
        }
    }

    /// The end of one command's results.
    mutating func endOfCommand() {
        guard !isEmpty, answered else { return }
        answered = false
        sent[head].position += 1
    }

    /// The SQL that the next result belongs to.
    var currentSQL: String? {
        guard !isEmpty else { return nil }
        switch sent[head].steps[sent[head].position] {
        case .prepare(let key): return key.sql
        case .statement(let statement): return statement.sql
        case .settings, .sync: return nil
        }
    }

    /// The error that ended the first unanswered transaction, if there was one.
    var currentFailure: DatabaseError? { isEmpty ? nil : sent[head].failure }

    private mutating func fail(_ error: DatabaseError) {
        if sent[head].failure == nil { sent[head].failure = error }
    }

    /// A result, as far as the order of things is concerned.
    enum Outcome {
        case done(Rows)
        case failed(DatabaseError)
        /// Not executed, because something before it failed.
        case skipped
        case synced
    }
}
