import Logging
import Synchronization

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// What a function may know of the request beyond the request itself.
///
/// A class: every function on a request's way is handed it, and keeps a pointer while it waits.
public final class Context: Sendable {
    /// Names this request in the log, in `X-Request-Id` and in every problem's `instance`.
    public let requestID: RequestID
    /// When the answer must be out. The task is cancelled then.
    public let deadline: ContinuousClock.Instant
    /// The function that answers; nil when there is none.
    public let function: FunctionName?
    /// Who calls, as the ``Authenticator`` found; nil for ``CallerRule/anyone``.
    public let caller: (any Sendable)?
    /// Where the time goes, for `Server-Timing`.
    public let timing: Timing
    /// This server's own base address, without a trailing slash: a setting, never a request's `Host`.
    public let publicURL: String
    private let processLogger: Logger

    public init(
        requestID: RequestID, deadline: ContinuousClock.Instant, logger: Logger, publicURL: String,
        function: FunctionName? = nil, caller: (any Sendable)? = nil, timing: Timing = Timing()
    ) {
        self.requestID = requestID
        self.deadline = deadline
        self.function = function
        self.publicURL = publicURL
        processLogger = logger
        self.caller = caller
        self.timing = timing
    }

    /// The same request, and who makes it.
    func with(caller: any Sendable) -> Context {
        Context(
            requestID: requestID, deadline: deadline, logger: processLogger, publicURL: publicURL, function: function,
            caller: caller, timing: timing)
    }

    /// Carries the request id and the function's name. Made when asked for, which most requests do not.
    public var logger: Logger {
        var logger = processLogger
        logger[metadataKey: "request_id"] = .string(requestID.description)
        if let function { logger[metadataKey: "function"] = .string(function.rawValue) }
        return logger
    }

    /// The caller, as the route's rule promises it.
    ///
    /// - Throws: ``Problem`` 500 when the rule and the function disagree: our mistake.
    public func caller<Caller>(as type: Caller.Type) throws(Problem) -> Caller {
        if let caller = caller as? Caller { return caller }
        throw Problem(.internal, cause: UnexpectedCaller(expected: Caller.self, found: caller))
    }

    /// The absolute address of a path on this server.
    public func url(_ path: String) -> String { publicURL + path }
}

/// A route's ``CallerRule`` and its function disagree on who calls: a mistake in the program.
struct UnexpectedCaller: Error, CustomStringConvertible {
    let description: String

    init(expected: any Any.Type, found: (any Sendable)?) {
        description =
            "the function expects \(expected), the authenticator found \(found.map { "\(type(of: $0))" } ?? "nobody")"
    }
}

/// 128 random bits, written as 32 hexadecimal digits.
public struct RequestID: Hashable, Sendable, CustomStringConvertible {
    public let description: String

    /// Random bytes ahead of their use: a request should not cost system calls for its name.
    private static let random = Mutex(Supply())

    private struct Supply {
        var bytes: ArraySlice<UInt8> = []

        mutating func take(_ count: Int) -> ArraySlice<UInt8> {
            if bytes.count < count { bytes = [UInt8].random(count: 1_024)[...] }
            defer { bytes = bytes.dropFirst(count) }
            return bytes.prefix(count)
        }
    }

    public init() {
        description = Self.random.withLock { $0.take(16) }.hex
    }
}

extension [UInt8] {
    /// Bytes from the system's cryptographically secure generator.
    public static func random(count: Int) -> [UInt8] {
        [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
            while filled < count {
                // As many as one call may give (getentropy(3)); Swift's own generator asks for eight at a time.
                // It fails for more than that and for a wrong address, and where the kernel has no such call: nothing that a
                // server without random numbers could go on after, as Swift's own generator has it too.
                let piece = Swift.min(count - filled, 256)
                guard getentropy(buffer.baseAddress! + filled, piece) == 0 else { fatalError("no random bytes") }
                filled += piece
            }
        }
    }
}

extension Collection<UInt8> {
    /// Two lower-case hexadecimal digits a byte.
    public var hex: String {
        String(unsafeUninitializedCapacity: count * 2) { buffer in
            var index = 0
            for byte in self {
                buffer[index] = Self.hexDigit(byte >> 4)
                buffer[index + 1] = Self.hexDigit(byte & 15)
                index += 2
            }
            return index
        }
    }

    private static func hexDigit(_ value: UInt8) -> UInt8 {
        value < 10 ? UInt8(ascii: "0") + value : UInt8(ascii: "a") + value - 10
    }
}
