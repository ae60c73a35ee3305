import FunctionCore
import HTTPTypes

/// A function whose input and output are types: decoding, validation and encoding happen around it.
///
/// `Input` comes from the JSON body, or from the query where the method has no body (GET, HEAD, DELETE). What the
/// route's pattern matched joins it under the hole's name and stands above a member of that name. Unknown members are
/// ignored. Fields get their rules by being ``Validated``. A function without input says ``NoInput``.
public protocol JSONFunction: Function {
    associatedtype Input: Decodable & Sendable
    associatedtype Output: Encodable & Sendable
    /// What the ``Authenticator`` returns for this function's routes; ``Anyone`` where nobody is asked.
    associatedtype Caller: Sendable

    /// Answers one request whose input is acceptable.
    ///
    /// - Throws: as ``Function/respond(to:in:)``.
    func respond(to input: Input, from caller: Caller, in context: Context) async throws -> Reply<Output>
}

/// The caller of a route that is for anyone.
public struct Anyone: Sendable {
    public init() {}
}

/// The input of a function that takes none: the body is neither wanted nor read.
public struct NoInput: Decodable, Sendable {
    public init() {}
}

extension JSONFunction {
    /// Reads the input, asks the function, writes the output.
    ///
    /// - Throws: ``Problem`` 415 `unsupported_media_type`, 400 `malformed_json`, 422 `validation_failed` with every
    ///   violation found; whatever the function throws.
    public func respond(to request: Request, in context: Context) async throws -> Response {
        let caller = try Self.caller(in: context)
        let reply = try await respond(to: try Self.input(of: request), from: caller, in: context)
        return try reply.response()
    }

    private static func caller(in context: Context) throws(Problem) -> Caller {
        if Caller.self == Anyone.self, let anyone = Anyone() as? Caller { return anyone }
        return try context.caller(as: Caller.self)
    }

    private static func input(of request: Request) throws(Problem) -> Input {
        if Input.self == NoInput.self, let none = NoInput() as? Input { return none }
        switch request.method {
        case .get, .head, .delete:
            let members = request.query.members.merging(request.parameters) { _, parameter in parameter }
            return try JSON.decode(Input.self, fromText: members)
        default:
            guard request.hasJSONBody else {
                throw Problem(.notJSON, "Send the body with Content-Type: application/json")
            }
            return try JSON.decode(Input.self, from: request.body, adding: request.parameters)
        }
    }
}

extension Request {
    /// Whether `Content-Type` is `application/json` or a type with the `+json` suffix (RFC 6839 §3.1); parameters and
    /// case do not matter.
    var hasJSONBody: Bool {
        guard let type = fields[.contentType] else { return false }
        let essence = type.prefix { $0 != ";" && $0 != " " && $0 != "\t" }.lowercased()
        return essence == "application/json" || (essence.hasSuffix("+json") && essence.contains("/"))
    }
}
