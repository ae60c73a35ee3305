import Synchronization

extension Database {
    /// What has happened since the start, in all lanes; for metrics and tests.
    public struct Statistics: Sendable, Equatable {
        /// Connections made.
        public var connects = 0
        /// Times that a connection sent what was waiting.
        public var batches = 0
        /// Transactions in those batches.
        public var transactions = 0
        public var largestBatch = 0
        /// Transactions that wait at this moment.
        public var waiting = 0
        /// Connections that are up at this moment.
        public var connected = 0
    }
}

final class Counters: Sendable {
    private let values = Mutex(Database.Statistics())

    var current: Database.Statistics { values.withLock { $0 } }

    func connected() {
        values.withLock { $0.connects += 1 }
    }

    func batch(of count: Int) {
        values.withLock { values in
            values.batches += 1
            values.transactions += count
            values.largestBatch = max(values.largestBatch, count)
        }
    }
}
