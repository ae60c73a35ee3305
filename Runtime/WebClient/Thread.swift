import Glibc

/// A thread of our own, for C that blocks.
enum Thread {
    /// Hands `body` over to a new, detached thread. No signal is delivered there: SIGPIPE stays away from libcurl's
    /// writes, and the process's signals from its threads.
    /// - Parameter body: touched by the new thread only.
    static func begin(_ body: @escaping () -> Void) throws(WebError.Code) {
        let work = Unmanaged.passRetained(Work(body))
        var attributes = pthread_attr_t()
        pthread_attr_init(&attributes)
        defer { pthread_attr_destroy(&attributes) }
        pthread_attr_setdetachstate(&attributes, Int32(PTHREAD_CREATE_DETACHED))
        var thread = pthread_t()
        let result = pthread_create(
            &thread, &attributes,
            { pointer in
                guard let pointer else { return nil }
                Unmanaged<Work>.fromOpaque(pointer).takeRetainedValue().run()
                return nil
            }, work.toOpaque())
        guard result == 0 else {
            work.release()
            throw .failedInit
        }
    }

    private final class Work {
        private let body: () -> Void

        init(_ body: @escaping () -> Void) { self.body = body }

        func run() {
            var signals = sigset_t()
            sigfillset(&signals)
            pthread_sigmask(SIG_BLOCK, &signals, nil)
            body()
        }
    }
}
