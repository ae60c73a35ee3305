import CGIHost
import Testing

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

@Suite struct DescriptorTests {
    private func pipes() throws -> (read: Int32, write: Int32) {
        var ends: [Int32] = [0, 0]
        try #require(pipe(&ends) == 0)
        return (ends[0], ends[1])
    }

    @Test func `What is written arrives, and the end is the end`() async throws {
        let pipe = try pipes()
        defer { close(pipe.read) }
        let sent = (0..<300_000).map { UInt8(truncatingIfNeeded: $0) }
        async let writing: Void = {
            try await DescriptorOutput(descriptor: pipe.write).write(sent)
            close(pipe.write)
        }()
        var received: [UInt8] = []
        let input = DescriptorInput(descriptor: pipe.read)
        while true {
            let piece = try await input.read(upTo: 65_536, deadline: .now + .seconds(30))
            if piece.isEmpty { break }
            received += piece
        }
        try await writing
        #expect(received == sent)
    }

    @Test func `Input that does not come ends at the deadline`() async throws {
        let pipe = try pipes()
        defer { for end in [pipe.read, pipe.write] { close(end) } }
        await #expect(throws: CGITransferError.timedOut) {
            try await DescriptorInput(descriptor: pipe.read).read(upTo: 1, deadline: .now + .milliseconds(20))
        }
    }

    @Test func `A reader that left is told apart`() async throws {
        CGIProcess.prepare()
        let pipe = try pipes()
        close(pipe.read)
        defer { close(pipe.write) }
        await #expect(throws: CGITransferError.closed) {
            try await DescriptorOutput(descriptor: pipe.write).write([1])
        }
    }

    @Test func `HTTP_PROXY is gone once the process is prepared`() {
        setenv("HTTP_PROXY", "http://evil.example:1", 1)
        CGIProcess.prepare()
        #expect(getenv("HTTP_PROXY") == nil)
        #expect(!CGIProcess.environment.contains { $0.0 == "HTTP_PROXY" })
    }
}
