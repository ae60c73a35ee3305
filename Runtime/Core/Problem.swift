import HTTPTypes

/// An answer that says what went wrong: RFC 9457 `application/problem+json`.
///
/// What is public (code, title, detail, violations) is sent; `cause` is only for the log.
public struct Problem: Error, Sendable {
    /// What went wrong, apart from the occasion. All of the runtime's are in `Problem+Kinds.swift`.
    public struct Kind: Sendable, Hashable {
        /// Stable, snake_case, never reused; docs/errors.md explains each.
        public let code: String
        public let status: HTTPResponse.Status
        /// One sentence, the same for every occasion.
        public let title: String

        public init(_ code: String, _ status: HTTPResponse.Status, _ title: String) {
            self.code = code
            self.status = status
            self.title = title
        }
    }

    /// One field of the input that breaks a rule.
    public struct Violation: Error, Sendable, Hashable {
        /// Where: `name`, `items[2].price`; empty for the input as a whole.
        public var field: String
        /// Which rule, in words that fit any caller. Never contains the value.
        public var message: String

        public init(field: String = "", _ message: String) {
            self.field = field
            self.message = message
        }
    }

    public var kind: Kind
    /// What to know or to do about this occasion; safe to send.
    public var detail: String?
    public var violations: [Violation]
    /// Sent beside the status, such as `Allow` or `Retry-After`.
    public var fields: HTTPFields
    /// Logged, never sent.
    public var cause: (any Error)?

    public init(
        _ kind: Kind, _ detail: String? = nil, violations: [Violation] = [], fields: HTTPFields = [:],
        cause: (any Error)? = nil
    ) {
        self.kind = kind
        self.detail = detail
        self.violations = violations
        self.fields = fields
        self.cause = cause
    }

    /// One 422 with every violation found.
    public static func invalid(_ violations: [Violation]) -> Problem {
        Problem(.validationFailed, violations: violations)
    }

    /// The problem as a response. `instance` is the request's id, by which the log can be searched.
    public func response(instance: RequestID) -> Response {
        var json = JSONText()
        json.member("type", "urn:callwaiting:problem:\(kind.code)")
        json.member("title", kind.title)
        json.member("status", kind.status.code)
        if let detail { json.member("detail", detail) }
        json.member("instance", instance.description)
        json.member("code", kind.code)
        if !violations.isEmpty {
            json.member("errors", objects: violations) { violation, object in
                object.member("field", violation.field)
                object.member("message", violation.message)
            }
        }
        var fields = fields
        fields[.contentType] = "application/problem+json"
        var response = Response(status: kind.status, fields: fields, body: .bytes(Array(json.object.utf8)))
        response.problem = self
        return response
    }
}
