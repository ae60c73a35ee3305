#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// Runs a blocking call on a thread made for it: a CGI process makes two or three in its life, and the cooperative pool
/// has no thread to spare.
enum BlockingCall {
    static func run<Success: Sendable>(
        _ work: @escaping @Sendable () -> Result<Success, CGITransferError>
    ) async -> Result<Success, CGITransferError> {
        await withCheckedContinuation { continuation in
            let job = Unmanaged.passRetained(Job { continuation.resume(returning: work()) })
            var attributes = pthread_attr_t()
            pthread_attr_init(&attributes)
            defer { pthread_attr_destroy(&attributes) }
            pthread_attr_setdetachstate(&attributes, Int32(PTHREAD_CREATE_DETACHED))
            #if canImport(Darwin)
                var thread: pthread_t?
            #else
                var thread = pthread_t()
            #endif
            let result = pthread_create(&thread, &attributes, { Job.run($0) }, job.toOpaque())
            if result != 0 {
                job.release()
                continuation.resume(returning: .failure(.system(result)))
            }
        }
    }

    private final class Job: Sendable {
        private let work: @Sendable () -> Void
        init(_ work: @escaping @Sendable () -> Void) { self.work = work }

        #if canImport(Glibc)
            typealias Argument = UnsafeMutableRawPointer?
        #else
            typealias Argument = UnsafeMutableRawPointer
        #endif

        /// Takes over the reference that `passRetained` made.
        static func run(_ argument: Argument) -> UnsafeMutableRawPointer? {
            let pointer: UnsafeMutableRawPointer? = argument
            if let pointer { Unmanaged<Job>.fromOpaque(pointer).takeRetainedValue().work() }
            return nil
        }
    }
}
