import FastCGIWire
import Glibc
import Synchronization

/// What a CGI program writes, read by a thread of its own and taken apart as an answer (RFC 3875 §6).
final class CGIOutput: Sendable {
    /// Longest output taken, in bytes; what comes after is left, and breaks the program off.
    static let limit = 64 * 1_048_576

    private struct State {
        var reader = ResponseReader()
        var length = 0
        var isOver = false
        /// Whether something has come since the reader was last asked.
        var hasNews = false
        var waiter: CheckedContinuation<Void, Never>?
    }

    private let descriptor: Int32
    private let state = Mutex(State())

    /// - Parameter descriptor: the pipe to read, closed at its end.
    init(_ descriptor: Int32) { self.descriptor = descriptor }

    /// - Returns: false when there can be no thread; the output is at its end then.
    func readInBackground() -> Bool {
        let retained = Unmanaged.passRetained(self)
        var thread = pthread_t()
        let code = pthread_create(
            &thread, nil,
            { argument in
                guard let argument else { return nil }
                Unmanaged<CGIOutput>.fromOpaque(argument).takeRetainedValue().readToEnd()
                return nil
            }, retained.toOpaque())
        guard code == 0 else {
            retained.release()
            close(descriptor)
            news { $0.isOver = true }
            return false
        }
        pthread_detach(thread)
        return true
    }

    /// The next part of the answer; nil at the end.
    ///
    /// - Throws: `WireError` for an output that is no CGI response.
    func next() async throws -> ResponseReader.Part? {
        while true {
            let (part, isOver) = try state.withLock { state in
                state.hasNews = false
                return (try state.reader.next(), state.isOver)
            }
            if let part { return part }
            if isOver { return nil }
            await withCheckedContinuation { continuation in
                let waits = state.withLock { state in
                    if !state.hasNews { state.waiter = continuation }
                    return !state.hasNews
                }
                if !waits { continuation.resume() }
            }
        }
    }

    private func readToEnd() {
        var chunk = [UInt8](repeating: 0, count: 65_536)
        while true {
            let count = read(descriptor, &chunk, chunk.count)
            if count == -1, errno == EINTR { continue }
            guard count > 0, take(chunk[..<count]) else { break }
        }
        close(descriptor)
        news { $0.isOver = true }
    }

    /// - Returns: whether there may be more.
    private func take(_ bytes: ArraySlice<UInt8>) -> Bool {
        news { state in
            state.length += bytes.count
            // The reader knows FastCGI, whose STDOUT is what a CGI program writes.
            state.reader.receive(Record.stream(.stdout, id: 1, bytes))
            return state.length <= Self.limit
        }
    }

    private func news<Result>(_ change: (inout State) -> Result) -> Result {
        let (result, waiter) = state.withLock { state in
            let result = change(&state)
            state.hasNews = true
            defer { state.waiter = nil }
            return (result, state.waiter)
        }
        waiter?.resume()
        return result
    }
}
