import HTTPTypes

/// One method and path that a function answers to, who may call it, and what a call may cost.
public struct Route: Sendable {
    public var method: HTTPRequest.Method
    public var pattern: RoutePattern
    public var caller: CallerRule
    public var limits: Limits

    public init(_ method: HTTPRequest.Method, _ pattern: RoutePattern, caller: CallerRule, limits: Limits = .init()) {
        self.method = method
        self.pattern = pattern
        self.caller = caller
        self.limits = limits
    }

    public static func get(_ pattern: RoutePattern, caller: CallerRule, limits: Limits = .init()) -> Route {
        Route(.get, pattern, caller: caller, limits: limits)
    }

    public static func post(_ pattern: RoutePattern, caller: CallerRule, limits: Limits = .init()) -> Route {
        Route(.post, pattern, caller: caller, limits: limits)
    }

    public struct Limits: Sendable {
        /// Largest body accepted, in bytes; a longer one is 413 `body_too_large`.
        public var body: Int
        /// From the head's arrival to the answer; nil takes the host's own deadline.
        public var deadline: Duration?

        public init(body: Int = 64 * 1_024, deadline: Duration? = nil) {
            self.body = body
            self.deadline = deadline
        }
    }
}

/// Who may call a route. The rule's meaning belongs to the ``Authenticator``; the runtime knows only `anyone`.
public struct CallerRule: Sendable, Hashable, CustomStringConvertible {
    public let name: String
    public init(_ name: String) { self.name = name }
    public var description: String { name }

    /// No question asked, no ``Authenticator`` called.
    public static let anyone = CallerRule("anyone")
}

/// A path with named holes: `/api/agent/{id}/webhook`, `/audio/{id}.mp3`. A hole fills at least one character, and never
/// crosses a slash.
public struct RoutePattern: Sendable, Hashable, ExpressibleByStringLiteral, CustomStringConvertible {
    enum Segment: Sendable, Hashable {
        case literal(String)
        case hole(name: String, prefix: String, suffix: String)
    }

    public let description: String
    let segments: [Segment]

    public init(stringLiteral value: String) { self.init(value) }

    public init(_ text: String) {
        precondition(text.hasPrefix("/"), "a route's path is absolute: \(text)")
        description = text
        segments = text.dropFirst().split(separator: "/", omittingEmptySubsequences: false).map { segment in
            guard let open = segment.firstIndex(of: "{"), let close = segment.firstIndex(of: "}"), open < close else {
                return .literal(String(segment))
            }
            return .hole(
                name: String(segment[segment.index(after: open)..<close]), prefix: String(segment[..<open]),
                suffix: String(segment[segment.index(after: close)...]))
        }
    }

    var isLiteral: Bool {
        segments.allSatisfy { if case .literal = $0 { true } else { false } }
    }

    /// What the holes hold when `path` fits; nil when it does not.
    func match(_ path: [Substring]) -> [String: String]? {
        guard path.count == segments.count else { return nil }
        var parameters: [String: String] = [:]
        for (segment, text) in zip(segments, path) {
            switch segment {
            case .literal(let literal):
                guard text.utf8.elementsEqual(literal.utf8) else { return nil }
            case .hole(let name, let prefix, let suffix):
                guard text.utf8.count > prefix.utf8.count + suffix.utf8.count, text.utf8.starts(with: prefix.utf8),
                    text.utf8.suffix(suffix.utf8.count).elementsEqual(suffix.utf8)
                else { return nil }
                parameters[name] = String(
                    Substring(text.utf8.dropFirst(prefix.utf8.count).dropLast(suffix.utf8.count)))
            }
        }
        return parameters
    }
}
