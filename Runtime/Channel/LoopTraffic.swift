import FunctionCore
import NIOCore

/// One event loop's requests in flight, and the counts of those before them. Touched on that loop alone, so it needs no
/// lock.
final class LoopTraffic {
    private(set) var counts = TrafficCounts()
    /// Connections with at least one request in flight.
    var activeConnections = 0
    /// Requests in flight, each at its own ``ActiveRequest/slot``; a hole where there is none.
    private var slots: [ActiveRequest?] = []
    private var holes: [Int] = []

    func add(_ request: ActiveRequest) {
        if let hole = holes.popLast() {
            request.slot = hole
            slots[hole] = request
        } else {
            request.slot = slots.count
            slots.append(request)
        }
    }

    func remove(_ request: ActiveRequest) {
        guard let slot = request.slot else { return }
        request.slot = nil
        slots[slot] = nil
        holes.append(slot)
    }

    var inFlight: Int { slots.count - holes.count }

    var requests: some Sequence<ActiveRequest> { slots.lazy.compactMap { $0 } }

    func ended(_ report: RequestReport) { counts.count(report) }
    func passedDeadline() { counts.deadlinesPassed += 1 }
    func becameSlow() { counts.slow += 1 }
}
