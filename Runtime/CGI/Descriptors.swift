#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// Reads a file descriptor, usually standard input. Blocks a thread of its own.
public struct DescriptorInput: CGIInput {
    private let descriptor: Int32

    public init(descriptor: Int32 = STDIN_FILENO) { self.descriptor = descriptor }

    public func read(upTo count: Int, deadline: ContinuousClock.Instant) async throws(CGITransferError) -> [UInt8] {
        try await BlockingCall.run {
            var bytes = [UInt8](repeating: 0, count: count)
            while true {
                if let error = wait(for: POLLIN, on: descriptor, until: deadline) { return .failure(error) }
                let received = systemRead(descriptor, &bytes)
                if received >= 0 {
                    bytes.removeLast(count - received)
                    return .success(bytes)
                }
                if errno != EINTR && errno != EAGAIN { return .failure(.system(errno)) }
            }
        }.get()
    }
}

/// Writes a file descriptor, usually standard output. Blocks a thread of its own.
public struct DescriptorOutput: CGIOutput {
    private let descriptor: Int32
    /// A pipe that polls as writable takes this much without blocking (POSIX `PIPE_BUF`, 4,096 bytes on Linux), so that
    /// the deadline holds although the descriptor may be a blocking one.
    private static let pieceSize = Int(PIPE_BUF)

    public init(descriptor: Int32 = STDOUT_FILENO) { self.descriptor = descriptor }

    public func write(_ bytes: [UInt8]) async throws(CGITransferError) {
        try await BlockingCall.run { () -> Result<Void, CGITransferError> in
            bytes.withUnsafeBytes { buffer in
                var rest = buffer[...]
                while !rest.isEmpty {
                    let patience = ContinuousClock.now + CGILimits.writePatience
                    if let error = wait(for: POLLOUT, on: descriptor, until: patience) { return .failure(error) }
                    let piece = UnsafeRawBufferPointer(rebasing: rest.prefix(Self.pieceSize))
                    let sent = systemWrite(descriptor, piece)
                    if sent >= 0 {
                        rest = rest.dropFirst(sent)
                    } else if errno == EPIPE {
                        return .failure(.closed)
                    } else if errno != EINTR && errno != EAGAIN {
                        return .failure(.system(errno))
                    }
                }
                return .success(())
            }
        }.get()
    }
}

// The methods above hide the names of the calls that they make.

private func systemRead(_ descriptor: Int32, _ bytes: inout [UInt8]) -> Int {
    bytes.withUnsafeMutableBytes { read(descriptor, $0.baseAddress, $0.count) }
}

private func systemWrite(_ descriptor: Int32, _ bytes: UnsafeRawBufferPointer) -> Int {
    write(descriptor, bytes.baseAddress, bytes.count)
}

/// Blocks until `descriptor` is ready for `events`, or broken, which the next call on it will tell.
private func wait(
    for events: some BinaryInteger, on descriptor: Int32, until deadline: ContinuousClock.Instant
) -> CGITransferError? {
    while true {
        let left = ContinuousClock.now.duration(to: deadline)
        guard left > .zero else { return .timedOut }
        let milliseconds =
            min(left.components.seconds, 3_600) * 1_000 + left.components.attoseconds / 1_000_000_000_000_000
        var poll = pollfd(fd: descriptor, events: Int16(events), revents: 0)
        let ready = systemPoll(&poll, Int32(milliseconds) + 1)
        if ready > 0 { return nil }
        if ready < 0 && errno != EINTR { return .system(errno) }
    }
}

private func systemPoll(_ descriptor: inout pollfd, _ milliseconds: Int32) -> Int32 {
    poll(&descriptor, 1, milliseconds)
}
