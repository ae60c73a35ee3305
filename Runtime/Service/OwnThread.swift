import Glibc

/// A thread for calls that block, which may not happen on the cooperative pool.
enum OwnThread {
    /// Runs `body` on a new thread, without signals, which stay with the others.
    static func start(_ body: @escaping @Sendable () -> Void) {
        let context = Unmanaged.passRetained(Start(body: body))
        var thread = pthread_t()
        let failure = pthread_create(
            &thread, nil,
            { context in
                guard let context else { return nil }
                let start = Unmanaged<Start>.fromOpaque(context).takeRetainedValue()
                Signals.hold()
                start.body()
                return nil
            }, context.toOpaque())
        precondition(failure == 0, "pthread_create: \(failure)")
        pthread_detach(thread)
    }

    private final class Start: Sendable {
        let body: @Sendable () -> Void

        init(body: @escaping @Sendable () -> Void) { self.body = body }
    }
}
