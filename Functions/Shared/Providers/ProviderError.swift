import FunctionCore

/// A service that we depend on did not do what it was asked.
///
/// `description` is safe to send by accident: the provider, the kind, and the codes it answered with. `debugDescription`
/// adds the provider's own sentence, for the log. Neither holds a key or anything that a person or a model said.
///
/// A class, so that whoever may throw it sets no more aside for it than a pointer.
public final class ProviderError: Error, Sendable {
    public enum Provider: String, Sendable, Hashable {
        case languageModel = "language model"
        case miniMax = "MiniMax"
        case flutterwave = "Flutterwave"
    }

    public enum Kind: String, Sendable, Hashable {
        /// It understood and will not do it, however often it is asked.
        case rejected
        /// Our key, group, model, balance or base URL is wrong: an operator has to act.
        case misconfigured
        /// Not reachable, or failing on its side; nothing is known of what became of the request.
        case unavailable
        /// No answer within the time there was; nothing is known of what became of the request.
        case timedOut = "timed out"
        case rateLimited = "rate limited"
        /// It answered something that is not an answer.
        case garbage
    }

    public let provider: Provider
    public let kind: Kind
    /// Status and codes, such as `429 insufficient_quota`.
    public let detail: String
    /// The provider's name for this exchange, for its support.
    public let traceID: String?
    /// How long it asked us to wait.
    public let retryAfter: Duration?
    /// The provider's sentence about it, at most 200 characters.
    let message: String?

    init(
        _ provider: Provider, _ kind: Kind, _ detail: String, traceID: String? = nil, retryAfter: Duration? = nil,
        message: String? = nil
    ) {
        self.provider = provider
        self.kind = kind
        self.detail = detail
        self.traceID = traceID
        self.retryAfter = retryAfter
        self.message = message.map { $0.printable(atMost: 200) }
    }

    /// Whether the provider certainly did nothing. After `unavailable`, `timedOut` or `garbage` it may have.
    public var isRefusal: Bool {
        switch kind {
        case .rejected, .misconfigured, .rateLimited: true
        case .unavailable, .timedOut, .garbage: false
        }
    }

    /// Whether the same could work in a while without anybody's doing anything: 503 rather than 502.
    public var isTemporary: Bool {
        switch kind {
        case .unavailable, .timedOut, .rateLimited: true
        case .rejected, .misconfigured, .garbage: false
        }
    }
}

extension ProviderError: CustomStringConvertible, CustomDebugStringConvertible {
    public var description: String {
        "\(provider.rawValue) \(kind.rawValue): \(detail)" + (traceID.map { " (trace \($0))" } ?? "")
    }

    public var debugDescription: String { description + (message.map { ": \($0)" } ?? "") }
}

extension String {
    /// Without anything that could break a log line or hide in one.
    func printable(atMost length: Int) -> String {
        String(String.UnicodeScalarView(unicodeScalars.lazy.filter { $0.isPrintable }.prefix(length)))
    }

    /// A provider's code or id, if that is what it looks like: letters, digits, `_`, `-`, `.`, at most 64 of them.
    var asCode: String? {
        let allowed = utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: "-"), UInt8(ascii: "."):
                true
            default: false
            }
        }
        return allowed && (1...64).contains(utf8.count) ? self : nil
    }
}

extension Unicode.Scalar {
    fileprivate var isPrintable: Bool {
        switch properties.generalCategory {
        case .control, .format, .lineSeparator, .paragraphSeparator, .surrogate, .privateUse, .unassigned: false
        default: true
        }
    }
}
