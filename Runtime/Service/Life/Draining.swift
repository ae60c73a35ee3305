import Synchronization

/// Whether a server has been told to stop, for those who answer whether it is ready.
public final class Draining: Sendable {
    private let hasBegun = Atomic(false)

    public init() {}

    public var isOn: Bool { hasBegun.load(ordering: .relaxed) }

    func begin() { hasBegun.store(true, ordering: .relaxed) }
}
