import FunctionCore

/// Takes everybody for the same caller.
public struct FixedAuthenticator<Caller: Sendable>: Authenticator {
    private let caller: Caller
    public init(_ caller: Caller) { self.caller = caller }

    public func caller(of request: Request, rule: CallerRule, in context: Context) async throws -> any Sendable {
        caller
    }
}

/// For tests in which nobody may be asked: being asked is a 500.
public struct FailingAuthenticator: Authenticator {
    public init() {}

    public func caller(of request: Request, rule: CallerRule, in context: Context) async throws -> any Sendable {
        try unexpected("the authenticator")
    }
}

/// The body of a dependency that this test should not touch.
///
/// - Throws: ``UnexpectedCall``, always, which an ``Application`` answers with 500 `internal`.
public func unexpected(_ dependency: String) throws -> Never { throw UnexpectedCall(dependency: dependency) }

/// A test touched what it did not provide.
public struct UnexpectedCall: Error, CustomStringConvertible {
    public let dependency: String
    public var description: String { "this test provides no \(dependency)" }
}
