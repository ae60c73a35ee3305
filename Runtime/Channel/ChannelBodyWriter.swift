import FunctionCore
import NIOCore

/// Writes a streamed body to its channel, from the request's own task or from any other.
struct ChannelBodyWriter: BodyWriter {
    let request: NIOLoopBound<ActiveRequest>
    let loop: any EventLoop

    func write(_ bytes: [UInt8]) async throws {
        try Task.checkCancellation()
        if loop.inEventLoop, try request.value.write(bytes) { return }
        let isWritten = loop.inEventLoop
        try await withCheckedThrowingContinuation { (waiter: CheckedContinuation<Void, any Error>) in
            if isWritten { return request.value.wait(waiter) }
            loop.execute {
                do {
                    if try request.value.write(bytes) { waiter.resume() } else { request.value.wait(waiter) }
                } catch {
                    waiter.resume(throwing: error)
                }
            }
        }
    }
}
