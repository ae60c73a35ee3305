import FunctionCore
import NIOCore
import Synchronization

/// What a server's event loops are doing and have done. Each loop counts for itself; whoever looks asks all of them.
public final class Traffic: Sendable {
    fileprivate struct Loop: Sendable {
        let loop: any EventLoop
        let traffic: NIOLoopBound<LoopTraffic>
    }

    private let loops = Mutex<[Loop]>([])

    public init() {}

    /// The loop's own part, made when it is first asked for. Called on that loop.
    func part(of loop: any EventLoop) -> LoopTraffic {
        loops.withLock { loops in
            if let known = loops.first(where: { $0.loop === loop }) { return known.traffic.value }
            let traffic = LoopTraffic()
            loops.append(Loop(loop: loop, traffic: NIOLoopBound(traffic, eventLoop: loop)))
            return traffic
        }
    }

    /// Asks these loops as well from now on, though they may never have a request.
    public func follow(_ group: any EventLoopGroup) {
        for loop in group.makeIterator() { loop.execute { _ = self.part(of: loop) } }
    }

    /// What one event loop said of itself.
    public struct Answer: Sendable {
        public var counts: TrafficCounts
        public var inFlight: Int
        public var activeConnections: Int
        /// Only when asked for, and no more than asked for, in no order.
        public var requests: [RequestInFlight]
        /// How long it took the loop to come to the question.
        public var lag: Duration
    }

    /// Asks every loop.
    ///
    /// - Parameters:
    ///   - listing: how many requests in flight to list of each loop.
    ///   - patience: how long to wait. A loop that is stuck does not answer, and nil stands in its place.
    public func look(listing: Int, patience: Duration) async -> [Answer?] {
        await withTaskGroup(of: (Int, Answer?).self) { group in
            let loops = loops.withLock { $0 }
            for (index, loop) in loops.enumerated() {
                group.addTask { (index, await loop.answer(listing: listing, patience: patience)) }
            }
            var answers = [Answer?](repeating: nil, count: loops.count)
            for await (index, answer) in group { answers[index] = answer }
            return answers
        }
    }
}

extension Traffic.Loop {
    fileprivate func answer(listing: Int, patience: Duration) async -> Traffic.Answer? {
        let asked = ContinuousClock.now
        let box = Once<Traffic.Answer?>()
        // A stuck loop cannot be waited for, nor told to forget the question.
        let timeout = Task {
            try await Task.sleep(for: patience)
            box.set(nil)
        }
        defer { timeout.cancel() }
        loop.execute {
            let traffic = traffic.value
            box.set(
                Traffic.Answer(
                    counts: traffic.counts, inFlight: traffic.inFlight, activeConnections: traffic.activeConnections,
                    requests: traffic.requests.prefix(listing).map(\.inFlight), lag: asked.duration(to: .now)))
        }
        return await box.value
    }
}

/// A value that is waited for by one, and set by whoever comes first.
private final class Once<Value: Sendable>: Sendable {
    private enum State {
        case empty
        case awaited(CheckedContinuation<Value, Never>)
        case set(Value)
    }

    private let state = Mutex(State.empty)

    func set(_ value: Value) {
        let waiter: CheckedContinuation<Value, Never>? = state.withLock { state in
            switch state {
            case .empty:
                state = .set(value)
                return nil
            case .awaited(let waiter):
                state = .set(value)
                return waiter
            case .set: return nil
            }
        }
        waiter?.resume(returning: value)
    }

    var value: Value {
        get async {
            await withCheckedContinuation { waiter in
                let value: Value? = state.withLock { state in
                    if case .set(let value) = state { return value }
                    state = .awaited(waiter)
                    return nil
                }
                if let value { waiter.resume(returning: value) }
            }
        }
    }
}
