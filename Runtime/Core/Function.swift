/// One endpoint, or a few that belong together: a value with its routes and one method.
///
/// A function knows nothing of the host that runs it (CGI, FastCGI, HTTP, a test) and receives what it needs through
/// its `init`. It runs on an I/O thread: it may await, but neither block nor compute for more than about a millisecond.
public protocol Function: Sendable {
    /// The function's one name in every spelling it needs: `create-agent` in symlinks, units and logs.
    static var name: FunctionName { get }

    /// What it answers to. HEAD comes with every GET; 405, `Allow` and CORS follow from this list.
    static var routes: [Route] { get }

    /// Answers one request, its body read whole and its caller known.
    ///
    /// - Throws: ``Problem`` for an answer the caller should read. Anything else becomes a 500 `internal` whose cause is
    ///   logged and never sent. `CancellationError` when the caller left or the deadline passed.
    func respond(to request: Request, in context: Context) async throws -> Response
}

/// A function's name, `create-agent`: lower-case words joined by hyphens.
public struct FunctionName: RawRepresentable, Hashable, Sendable, ExpressibleByStringLiteral, CustomStringConvertible {
    public let rawValue: String
    public init(rawValue: String) { self.rawValue = rawValue }
    public init(stringLiteral value: String) { rawValue = value }
    public var description: String { rawValue }
}
