import FunctionChannel
import NIOCore
import Synchronization

/// Every connection that a server has accepted and not yet seen the end of.
final class Connections: Sendable {
    private struct State {
        var channels: [ObjectIdentifier: (channel: any Channel, wireProtocol: Listener.WireProtocol)] = [:]
        var lastEvent: StopEvent?
    }

    private let state = Mutex(State())
    private let gate: Gate
    private let expected = Gate(limit: .max)
    private let total = Atomic(0)

    init(limit: Int) { gate = Gate(limit: limit) }

    var count: Int { gate.count }
    var statistics: Gate.Statistics { gate.statistics }

    /// All there have been.
    var accepted: Int { total.load(ordering: .relaxed) }

    /// - Returns: whether there was room for it. It is forgotten when it closes.
    func add(_ channel: any Channel, _ wireProtocol: Listener.WireProtocol) -> Bool {
        guard gate.enter() else { return false }
        total.add(1, ordering: .relaxed)
        let id = ObjectIdentifier(channel)
        state.withLock { $0.channels[id] = (channel, wireProtocol) }
        channel.closeFuture.whenComplete { _ in
            self.state.withLock { $0.channels[id] = nil }
            self.gate.leave()
        }
        return true
    }

    /// What is spoken on a connection; nil for one that is not here.
    func wireProtocol(of channel: any Channel) -> Listener.WireProtocol? {
        state.withLock { $0.channels[ObjectIdentifier(channel)]?.wireProtocol }
    }

    /// What connections that come now are to be told as well: one may have been accepted before its listener closed.
    var lastEvent: StopEvent? { state.withLock { $0.lastEvent } }

    func fire(_ event: StopEvent) {
        let channels = state.withLock { state in
            // Those that come after a reload was given up have nothing to be told.
            if case .stay = event { state.lastEvent = nil } else { state.lastEvent = event }
            return state.channels.values.map(\.channel)
        }
        for channel in channels { channel.pipeline.fireUserInboundEventTriggered(event) }
    }

    /// Closes all, with what is under way on them.
    func closeAll() {
        for channel in state.withLock({ $0.channels.values.map(\.channel) }) { channel.close(promise: nil) }
    }

    /// One is on its way here. Until ``stopExpecting()`` this does not count as empty.
    func expect() { _ = expected.enter() }
    func stopExpecting() { expected.leave() }

    /// Returns once all are closed, or the task is cancelled.
    func whenEmpty() async {
        await expected.whenEmpty()
        await gate.whenEmpty()
    }
}
