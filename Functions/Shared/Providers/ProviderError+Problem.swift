import FunctionCore
import HTTPTypes
import Problems
import Voice

/// What a caller reads of a provider's failure: never whose, nor what it said.
extension ProviderError: ProblemConvertible {
    public var problem: Problem {
        guard isTemporary else { return Problem(.providerFailed, cause: self) }
        var fields = HTTPFields()
        if let retryAfter { fields[.retryAfter] = "\(max(1, retryAfter.components.seconds))" }
        return Problem(.providerUnavailable, fields: fields, cause: self)
    }
}

extension ReplyError: ProblemConvertible {
    public var problem: Problem { Problem(.providerFailed, cause: self) }
}
