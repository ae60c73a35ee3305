import FunctionCore
import PostgresClient

/// An error of a dependency that knows what the caller should read of it.
public protocol ProblemConvertible: Error {
    var problem: Problem { get }
}

extension Problem {
    /// What the caller should read of `error`; nil for an error that is nobody's but ours, a 500 `internal`.
    public static func translate(_ error: any Error) -> Problem? {
        (error as? any ProblemConvertible)?.problem
    }
}

/// No answer, or one of the SQLSTATEs that mean "later" (docs/errors.md) → 503; everything else is our mistake → 500.
/// Expected outcomes come back as rows and never get here.
extension DatabaseError: ProblemConvertible {
    public var problem: Problem {
        if meansUnavailable { return Problem(.databaseUnavailable, cause: self) }
        return Problem(kind == .cancelled ? .clientClosedRequest : .internal, cause: self)
    }
}
