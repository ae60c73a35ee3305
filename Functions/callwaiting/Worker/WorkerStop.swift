import Synchronization

/// Whether a worker has been told to stop. What it is doing is finished; what it has not begun is left to the next one.
final class WorkerStop: Sendable {
    private let told = Atomic(false)

    var isTold: Bool { told.load(ordering: .relaxed) }

    func tell() { told.store(true, ordering: .relaxed) }
}
