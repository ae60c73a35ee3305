import FunctionCore
import Synchronization

/// Passes a streamed body on and keeps it to its declared length, since `Content-Length` has been sent by then.
final class StreamWriter<Output: CGIOutput>: BodyWriter {
    private let output: Output
    /// Bytes still owed; nil when no length was declared.
    private let remaining: Mutex<Int?>

    init(output: Output, remaining: Int?) {
        self.output = output
        self.remaining = Mutex(remaining)
    }

    var isComplete: Bool { (remaining.withLock { $0 } ?? 0) == 0 }

    func write(_ bytes: [UInt8]) async throws {
        try Task.checkCancellation()
        try remaining.withLock { remaining in
            guard let owed = remaining else { return }
            guard bytes.count <= owed else { throw BodyLongerThanDeclared() }
            remaining = owed - bytes.count
        }
        if bytes.isEmpty { return }
        do throws(CGITransferError) {
            try await output.write(bytes)
        } catch {
            throw CancellationError()
        }
    }
}

/// A producer wrote more than it had declared.
struct BodyLongerThanDeclared: Error {}
