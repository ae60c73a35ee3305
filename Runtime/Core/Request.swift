import HTTPTypes

/// What is known of a request before its body: enough to route it, and to refuse it.
///
/// Passed on a dozen times on a request's way, so it is one pointer, and copied when it is changed.
public struct RequestHead: Sendable {
    private struct Parts: Sendable {
        var method: HTTPRequest.Method
        var target: RequestTarget
        var otherTargets: [RequestTarget]
        var fields: RequestFields
        var clientAddress: String?
        var program: Program?
    }

    private final class Box: Sendable {
        let parts: Parts

        init(_ parts: Parts) { self.parts = parts }
    }

    private var box: Box

    public var method: HTTPRequest.Method { box.parts.method }
    public var target: RequestTarget {
        get { box.parts.target }
        set { change { $0.target = newValue } }
    }
    /// What else the target could be, in order, where a web server's mapping leaves it open; usually empty.
    public var otherTargets: [RequestTarget] {
        get { box.parts.otherTargets }
        set { change { $0.otherTargets = newValue } }
    }
    public var fields: RequestFields {
        get { box.parts.fields }
        set { change { $0.fields = newValue } }
    }
    /// The peer's IP address in text, as the web server or the socket tells it; nil on a Unix socket.
    public var clientAddress: String? { box.parts.clientAddress }
    /// The CGI program that the web server started for this request; nil where it started none.
    public var program: Program? { box.parts.program }

    private mutating func change(_ body: (inout Parts) -> Void) {
        var parts = box.parts
        body(&parts)
        box = Box(parts)
    }

    /// A CGI program by its own name. Where that is a function's, as of a symlink `create-agent`, only this function is
    /// served, and a path that leads nowhere leads to it.
    public struct Program: Sendable, Hashable {
        public let function: FunctionName
        /// Whether the web server saw a path behind the program's own (`PATH_INFO`), which then has to lead somewhere.
        public let hasPathInfo: Bool

        /// - Parameter path: as the web server called it; its last part is the name.
        public init(path: String, hasPathInfo: Bool) {
            function = FunctionName(rawValue: String(path.split(separator: "/").last ?? ""))
            self.hasPathInfo = hasPathInfo
        }
    }

    public init(
        method: HTTPRequest.Method, target: RequestTarget, otherTargets: [RequestTarget] = [],
        fields: RequestFields = [:], clientAddress: String? = nil, program: Program? = nil
    ) {
        box = Box(
            Parts(
                method: method, target: target, otherTargets: otherTargets, fields: fields,
                clientAddress: clientAddress, program: program))
    }

    /// Whether there may be a body although no length was declared: a web server that streams one has no length to tell.
    /// Of the other methods none of ours has a body.
    public var mayHaveUndeclaredBody: Bool { ![.get, .head, .delete, .options].contains(method) }

    /// The declared length of the body in bytes.
    ///
    /// - Returns: nil when none is declared.
    /// - Throws: ``Problem`` 400 `invalid_content_length` unless it is decimal digits alone, said once, without overflow
    ///   (RFC 9110 §8.6).
    public func contentLength() throws(Problem) -> Int? {
        let values = fields[values: .contentLength]
        guard let text = values.first else { return nil }
        guard values.count == 1, let length = Int(strictDecimal: text) else { throw Problem(.invalidContentLength) }
        return length
    }
}

/// A request with its body read whole.
public struct Request: Sendable {
    public var head: RequestHead
    /// What the route's pattern matched, by name: `id` of `/api/agent/{id}/webhook`.
    public var parameters: [String: String]
    public var body: [UInt8]

    public init(head: RequestHead, parameters: [String: String] = [:], body: [UInt8] = []) {
        self.head = head
        self.parameters = parameters
        self.body = body
    }

    public var method: HTTPRequest.Method { head.method }
    public var fields: RequestFields { head.fields }
    public var query: Query { head.target.query }
}

extension HTTPField.Name {
    public static let proxy = Self("Proxy")!
    public static let requestID = Self("X-Request-Id")!
    public static let serverTiming = Self("Server-Timing")!
}

extension Int {
    /// Decimal digits alone, as header fields that carry a length must be: no sign, no space, no overflow.
    public init?(strictDecimal text: some StringProtocol) {
        guard !text.isEmpty, text.utf8.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }) else {
            return nil
        }
        self.init(text)
    }
}
