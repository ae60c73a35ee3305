import Logging

/// What a function may know of the request beyond the request itself.
public struct Context: Sendable {
    /// Names this request in the log, in `X-Request-Id` and in every problem's `instance`.
    public let requestID: RequestID
    /// When the answer must be out. The task is cancelled then.
    public let deadline: ContinuousClock.Instant
    /// Carries the request id and the function's name.
    public var logger: Logger
    /// Who calls, as the ``Authenticator`` found; nil for ``CallerRule/anyone``.
    public var caller: (any Sendable)?
    /// Where the time goes, for `Server-Timing`.
    public let timing: Timing
    /// This server's own base address, without a trailing slash: a setting, never a request's `Host`.
    public let publicURL: String

    public init(
        requestID: RequestID, deadline: ContinuousClock.Instant, logger: Logger, publicURL: String,
        caller: (any Sendable)? = nil
    ) {
        self.requestID = requestID
        self.deadline = deadline
        self.logger = logger
        self.publicURL = publicURL
        self.caller = caller
        timing = Timing()
    }

    /// The absolute address of a path on this server.
    public func url(_ path: String) -> String { publicURL + path }
}

/// 128 random bits, written as 32 hexadecimal digits.
public struct RequestID: Hashable, Sendable, CustomStringConvertible {
    public let description: String

    public init() {
        description = [UInt8].random(count: 16).hex
    }
}

extension [UInt8] {
    /// Bytes from the system's cryptographically secure generator.
    public static func random(count: Int) -> [UInt8] {
        var generator = SystemRandomNumberGenerator()
        return (0..<count).map { _ in UInt8.random(in: .min ... .max, using: &generator) }
    }
}

extension Collection<UInt8> {
    /// Two lower-case hexadecimal digits a byte.
    public var hex: String {
        let digits = Array("0123456789abcdef".utf8)
        return String(unsafeUninitializedCapacity: count * 2) { buffer in
            var index = 0
            for byte in self {
                buffer[index] = digits[Int(byte >> 4)]
                buffer[index + 1] = digits[Int(byte & 15)]
                index += 2
            }
            return index
        }
    }
}
