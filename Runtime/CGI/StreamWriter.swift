import FunctionCore
import Synchronization

/// Passes a streamed body on and keeps it to its declared length, since `Content-Length` has been sent by then.
final class StreamWriter<Output: CGIOutput>: BodyWriter {
    private struct State {
        /// Bytes still owed; nil when no length was declared.
        var remaining: Int?
        var written = 0
    }

    private let output: Output
    private let state: Mutex<State>

    init(output: Output, remaining: Int?) {
        self.output = output
        state = Mutex(State(remaining: remaining))
    }

    var isComplete: Bool { (state.withLock { $0.remaining } ?? 0) == 0 }

    /// Bytes passed on so far.
    var count: Int { state.withLock { $0.written } }

    func write(_ bytes: [UInt8]) async throws {
        try Task.checkCancellation()
        try state.withLock { state in
            guard let owed = state.remaining else { return }
            guard bytes.count <= owed else { throw BodyLongerThanDeclared() }
            state.remaining = owed - bytes.count
        }
        if bytes.isEmpty { return }
        do throws(CGITransferError) {
            try await output.write(bytes)
        } catch {
            throw CancellationError()
        }
        state.withLock { $0.written += bytes.count }
    }
}

/// A producer wrote more than it had declared.
struct BodyLongerThanDeclared: Error {}
