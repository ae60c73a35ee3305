import HTTPTypes

/// An answer whose head is there and whose body is still arriving.
public struct WebStream: Sendable {
    public let status: HTTPResponse.Status

    /// In the order received; trailers are dropped.
    public let fields: HTTPFields

    /// The body's bytes, as they come; for one consumer, once.
    public let body: Body

    /// Chunks of bytes, never empty, cut wherever the network did. Letting go of the sequence, or of its iterator,
    /// closes the connection; so does cancelling the task that waits for a chunk.
    public struct Body: AsyncSequence, Sendable {
        let reader: BodyReader

        public func makeAsyncIterator() -> AsyncIterator { AsyncIterator(reader: reader) }

        public struct AsyncIterator: AsyncIteratorProtocol {
            private let reader: BodyReader
            /// Copies of an iterator share this; when the last is gone, the rest of the body is unwanted.
            private let end: End

            init(reader: BodyReader) {
                self.reader = reader
                end = End(reader: reader)
            }

            /// The next chunk, or nil after the last.
            /// - Throws: `.timeout` at the deadline, `.tooLarge` past the response limit, `.other` for a body cut
            ///   short. Bytes that came before a failure are returned first, except after cancelling.
            public mutating func next(isolation actor: isolated (any Actor)?) async throws(WebError) -> [UInt8]? {
                try await reader.next()
            }

            public mutating func next() async throws(WebError) -> [UInt8]? { try await reader.next() }
        }
    }

    private final class End: Sendable {
        let reader: BodyReader
        init(reader: BodyReader) { self.reader = reader }
        deinit { reader.stop() }
    }
}
