import Glibc
import Synchronization

/// Keeps libcurl's threads out of libcurl while the process exits.
///
/// `exit` runs OpenSSL's clean-up on the thread that called it, and a transfer that is in the middle of TLS on another
/// thread would then read freed memory. So that nobody has to shut a client down first, exiting waits for the threads
/// to leave libcurl (microseconds: their callbacks do not block) and lets none in again.
enum ExitGate {
    /// The number of threads inside libcurl, plus `isExiting`.
    private static let state = Atomic(0)
    private static let isExiting = 1 << 32

    /// To be called after OpenSSL was initialised: exit handlers run last one first.
    static func install() {
        atexit {
            var inside = ExitGate.state.bitwiseOr(ExitGate.isExiting, ordering: .acquiringAndReleasing).oldValue
            while inside % ExitGate.isExiting != 0 {
                sched_yield()
                inside = ExitGate.state.load(ordering: .acquiring)
            }
        }
    }

    /// Runs `work`, which calls libcurl; never returns once the process exits.
    static func pass(_ work: () -> Void) {
        let before = state.add(1, ordering: .acquiringAndReleasing).oldValue
        let isClosed = before >= isExiting
        if !isClosed { work() }
        state.subtract(1, ordering: .acquiringAndReleasing)
        // The thread takes no signals, so this lasts as long as the process.
        while isClosed { pause() }
    }
}
