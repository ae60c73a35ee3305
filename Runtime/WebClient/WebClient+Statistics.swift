import Synchronization

extension WebClient {
    /// What has happened since the start, and what is going on.
    public struct Statistics: Sendable, Equatable {
        /// Transfers under way at this moment.
        public var inFlight = 0
        /// Transfers begun.
        public var transfers = 0
        /// Transfers that ended without a whole answer, those cancelled included.
        public var failures = 0
    }
}

/// Counts on libcurl's thread, to be read on any.
final class TransferCounters: Sendable {
    private let values = Mutex(WebClient.Statistics())

    var current: WebClient.Statistics { values.withLock { $0 } }

    func began() {
        values.withLock { values in
            values.transfers += 1
            values.inFlight += 1
        }
    }

    func ended(failed: Bool) {
        values.withLock { values in
            values.inFlight -= 1
            if failed { values.failures += 1 }
        }
    }
}
