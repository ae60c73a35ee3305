/// Finds out who calls a route that is not for anyone.
public protocol Authenticator: Sendable {
    /// - Returns: what the function finds in ``Context/caller``.
    /// - Throws: ``Problem`` when the caller is not who the rule asks for.
    func caller(of request: Request, rule: CallerRule, in context: Context) async throws -> any Sendable
}
