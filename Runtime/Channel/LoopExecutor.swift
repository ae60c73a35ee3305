import NIOCore

/// Runs Swift tasks on one event loop, so that a request's task and its channel share a thread and need no lock.
///
/// The loop must outlive every task that prefers it: a loop that has stopped drops what is enqueued.
public final class LoopExecutor: TaskExecutor {
    private let loop: any EventLoop

    public init(_ loop: any EventLoop) { self.loop = loop }

    public func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        loop.execute { job.runSynchronously(on: self.asUnownedTaskExecutor()) }
    }
}
