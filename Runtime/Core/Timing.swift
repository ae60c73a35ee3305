import Synchronization

/// Names where a request's time went: `db`, `llm`, `tts`. Sent as `Server-Timing` (W3C Server Timing §3).
public final class Timing: Sendable {
    private let started: ContinuousClock.Instant
    private let parts = Mutex<[(name: String, duration: Duration)]>([])

    public init() { started = .now }

    /// Since the request's head arrived.
    public var elapsed: Duration { started.duration(to: .now) }

    /// Runs `work` and adds its time to the part called `name`, also when it throws.
    public func measure<Result>(
        _ name: String, _ work: () async throws -> Result
    ) async rethrows -> Result {
        let start = ContinuousClock.now
        defer { add(start.duration(to: .now), to: name) }
        return try await work()
    }

    private func add(_ duration: Duration, to name: String) {
        parts.withLock { parts in
            if let index = parts.firstIndex(where: { $0.name == name }) {
                parts[index].duration += duration
            } else {
                parts.append((name, duration))
            }
        }
    }

    /// `db;dur=1.25, llm;dur=310, total;dur=312.4`, in milliseconds.
    public var headerValue: String {
        var text = ""
        for part in parts.withLock({ $0 }) { text += "\(part.name);dur=\(part.duration.milliseconds), " }
        return text + "total;dur=\(elapsed.milliseconds)"
    }
}

extension Duration {
    /// Milliseconds with at most two decimals.
    public var milliseconds: Double {
        let (seconds, attoseconds) = components
        return ((Double(seconds) * 1e3 + Double(attoseconds) / 1e15) * 100).rounded() / 100
    }
}
