import Synchronization

/// Names where a request's time goes: `db`, `llm`, `tts`. Sent as `Server-Timing` (W3C Server Timing §3), and shown
/// while the request is still running.
public final class Timing: Sendable {
    private struct Part {
        var name: String
        var duration = Duration.zero
        /// Measurements under way, and when the last of them began.
        var open = 0
        var since: ContinuousClock.Instant
    }

    /// When the request's head arrived.
    public let started: ContinuousClock.Instant
    private let state = Mutex<[Part]>([])

    public init() { started = .now }

    /// Since the request's head arrived.
    public var elapsed: Duration { started.duration(to: .now) }

    /// Runs `work` and adds its time to the part called `name`, also when it throws.
    public func measure<Result>(
        _ name: String, _ work: () async throws -> Result
    ) async rethrows -> Result {
        let start = ContinuousClock.now
        begin(name, at: start)
        defer { end(name, start) }
        return try await work()
    }

    private func begin(_ name: String, at start: ContinuousClock.Instant) {
        state.withLock { parts in
            if let index = parts.firstIndex(where: { $0.name == name }) {
                parts[index].open += 1
                parts[index].since = start
            } else {
                parts.append(Part(name: name, open: 1, since: start))
            }
        }
    }

    private func end(_ name: String, _ start: ContinuousClock.Instant) {
        let duration = start.duration(to: .now)
        state.withLock { parts in
            guard let index = parts.firstIndex(where: { $0.name == name }) else { return }
            parts[index].open -= 1
            parts[index].duration += duration
        }
    }

    /// `db;dur=1.25, llm;dur=310.00, total;dur=312.40`, in milliseconds.
    public var headerValue: String {
        var text = ""
        for part in state.withLock({ $0 }) {
            text += part.name
            text += ";dur="
            part.duration.appendMilliseconds(to: &text)
            text += ", "
        }
        text += "total;dur="
        elapsed.appendMilliseconds(to: &text)
        return text
    }

    /// What is being waited for at this moment, and what each part has taken until now, in the order of their beginning.
    public var parts: (open: [String], spent: [(name: String, duration: Duration)]) {
        let now = ContinuousClock.now
        let parts = state.withLock { $0 }
        return (
            parts.filter { $0.open > 0 }.map(\.name),
            parts.map { ($0.name, $0.open > 0 ? $0.duration + $0.since.duration(to: now) : $0.duration) }
        )
    }
}

extension Duration {
    /// Milliseconds with at most two decimals.
    public var milliseconds: Double {
        let (seconds, attoseconds) = components
        return ((Double(seconds) * 1e3 + Double(attoseconds) / 1e15) * 100).rounded() / 100
    }

    /// Milliseconds with two decimals, rounded down. Written out by hand: to format a floating-point number costs more
    /// than all else that a request's header field takes.
    fileprivate func appendMilliseconds(to text: inout String) {
        let (seconds, attoseconds) = components
        let hundredths = max(0, seconds * 100_000 + attoseconds / 10_000_000_000_000)
        let (whole, rest) = hundredths.quotientAndRemainder(dividingBy: 100)
        text += String(whole)
        text += rest < 10 ? ".0" : "."
        text += String(rest)
    }
}
