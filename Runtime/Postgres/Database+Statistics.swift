import Synchronization

extension Database {
    /// What has happened since the start, in one lane or in all; for metrics and tests.
    public struct Statistics: Sendable, Equatable {
        /// Connections made.
        public var connects = 0
        /// Attempts to connect that failed.
        public var failedConnects = 0
        /// Times that a connection sent what was waiting.
        public var batches = 0
        /// Transactions in those batches.
        public var transactions = 0
        public var largestBatch = 0
        /// Statements in those transactions.
        public var statements = 0
        /// Transactions that the server or a lost connection made fail.
        public var errors = 0
        /// Transactions that wait at this moment.
        public var waiting = 0
        /// How long the first of those has waited.
        public var oldestWait = Duration.zero
        /// Transactions that may wait.
        public var waitingLimit = 0
        /// Connections that are up at this moment.
        public var connected = 0
        /// Of those, the ones with transactions under way.
        public var busy = 0
        /// Connections that there may be.
        public var connectionLimit = 0

        static func + (one: Self, other: Self) -> Self {
            var sum = one
            sum.connects += other.connects
            sum.failedConnects += other.failedConnects
            sum.batches += other.batches
            sum.transactions += other.transactions
            sum.largestBatch = max(one.largestBatch, other.largestBatch)
            sum.statements += other.statements
            sum.errors += other.errors
            sum.waiting += other.waiting
            sum.oldestWait = max(one.oldestWait, other.oldestWait)
            sum.waitingLimit += other.waitingLimit
            sum.connected += other.connected
            sum.busy += other.busy
            sum.connectionLimit += other.connectionLimit
            return sum
        }
    }
}

final class Counters: Sendable {
    private let values = Mutex(Database.Statistics())

    var current: Database.Statistics { values.withLock { $0 } }

    func connected() {
        values.withLock { $0.connects += 1 }
    }

    func failedToConnect() {
        values.withLock { $0.failedConnects += 1 }
    }

    func batch(of jobs: [Job]) {
        let statements = jobs.reduce(0) { $0 + $1.transaction.statements.count }
        values.withLock { values in
            values.batches += 1
            values.transactions += jobs.count
            values.statements += statements
            values.largestBatch = max(values.largestBatch, jobs.count)
        }
    }

    func failed(_ count: Int) {
        values.withLock { $0.errors += count }
    }
}
