import HTTPTypes
import Logging

/// The functions, and everything that happens around one of them: routing, CORS, the caller, the deadline, problems and
/// the request log. Every host serves one of these.
public struct Application: Responder {
    public struct Configuration: Sendable {
        /// This server's own base address, without a trailing slash.
        public var publicURL: String
        public var cors: CORS
        /// From the head's arrival to the answer, unless the route says less.
        public var deadline: Duration
        /// Turns an error of a dependency into what the caller should read; nil leaves it a 500 `internal`.
        public var translate: @Sendable (any Error) -> Problem?
        /// Paths whose problems have a body of their own, by leading segments.
        public var problemBodies: [ProblemBody]

        public init(
            publicURL: String, cors: CORS = .none, deadline: Duration = .seconds(50),
            translate: @escaping @Sendable (any Error) -> Problem? = { _ in nil }, problemBodies: [ProblemBody] = []
        ) {
            self.publicURL = publicURL
            self.cors = cors
            self.deadline = deadline
            self.translate = translate
            self.problemBodies = problemBodies
        }
    }

    /// Below `prefix` a problem is written by `render` rather than as RFC 9457.
    public struct ProblemBody: Sendable {
        public var prefix: [String]
        public var render: @Sendable (Problem, RequestHead, RequestID) -> Response

        public init(prefix: [String], render: @escaping @Sendable (Problem, RequestHead, RequestID) -> Response) {
            self.prefix = prefix
            self.render = render
        }
    }

    public let router: Router
    private let authenticator: any Authenticator
    private let configuration: Configuration
    private let logger: Logger

    public init(
        _ functions: [any Function], authenticator: any Authenticator, configuration: Configuration, logger: Logger
    ) {
        router = Router(functions)
        self.authenticator = authenticator
        self.configuration = configuration
        self.logger = logger
    }

    public func accept(_ head: RequestHead) -> Acceptance {
        switch router.match(head) {
        case .found(let endpoint, let parameters):
            return .exchange(exchange(head, endpoint, parameters))
        case .methodNotAllowed(let allowed) where CORS.isPreflight(head):
            return .answer(finish(configuration.cors.preflight(allowing: allowed), head, context(for: nil)))
        case .methodNotAllowed(let allowed):
            let list = allowed.map(\.rawValue).joined(separator: ", ")
            return .answer(finish(Problem(.methodNotAllowed, fields: [.allow: list]), head, context(for: nil)))
        case .notFound:
            return .answer(finish(Problem(.notFound), head, context(for: nil)))
        }
    }

    public func refuse(_ problem: Problem) -> Response {
        let context = context(for: nil)
        return finish(problem, nil, context)
    }

    private func exchange(
        _ head: RequestHead, _ endpoint: Router.Endpoint, _ parameters: [String: String]
    ) -> Exchange {
        let context = context(for: endpoint)
        return Exchange(
            bodyLimit: endpoint.route.limits.body, deadline: context.deadline,
            answer: { body in
                let request = Request(head: head, parameters: parameters, body: body)
                do {
                    return finish(try await run(endpoint, request, context), head, context)
                } catch {
                    return finish(problem(for: error, context), head, context)
                }
            },
            refusal: { finish($0, head, context) })
    }

    private func run(_ endpoint: Router.Endpoint, _ request: Request, _ context: Context) async throws -> Response {
        var context = context
        if endpoint.route.caller != .anyone {
            context.caller = try await authenticator.caller(of: request, rule: endpoint.route.caller, in: context)
        }
        return try await endpoint.function.respond(to: request, in: context)
    }

    private func context(for endpoint: Router.Endpoint?) -> Context {
        let id = RequestID()
        var logger = logger
        logger[metadataKey: "request_id"] = "\(id)"
        if let endpoint { logger[metadataKey: "function"] = "\(endpoint.name)" }
        let limit = min(endpoint?.route.limits.deadline ?? configuration.deadline, configuration.deadline)
        return Context(requestID: id, deadline: .now + limit, logger: logger, publicURL: configuration.publicURL)
    }

    private func problem(for error: any Error, _ context: Context) -> Problem {
        if let problem = error as? Problem { return problem }
        if error is CancellationError {
            return Problem(context.deadline <= .now ? .deadlineExceeded : .clientClosedRequest)
        }
        if let problem = configuration.translate(error) { return problem }
        return Problem(.internal, cause: error)
    }

    private func finish(_ problem: Problem, _ head: RequestHead?, _ context: Context) -> Response {
        var problem = problem
        if problem.kind.status == .serviceUnavailable, problem.fields[.retryAfter] == nil {
            problem.fields[.retryAfter] = "1"
        }
        let body = head.flatMap { head in
            configuration.problemBodies.first { head.target.segments.starts(with: $0.prefix) }
        }
        let response =
            if let body, let head { body.render(problem, head, context.requestID) } else {
                problem.response(instance: context.requestID)
            }
        return finish(response, head, context, problem: problem)
    }

    /// The one way out: fields that every response carries, and the request's line in the log.
    private func finish(
        _ response: Response, _ head: RequestHead?, _ context: Context, problem: Problem? = nil
    ) -> Response {
        var response = response
        response.fields[.requestID] = context.requestID.description
        response.fields[.serverTiming] = context.timing.headerValue
        response.fields[.xContentTypeOptions] = "nosniff"
        if response.fields[.cacheControl] == nil { response.fields[.cacheControl] = "no-store" }
        if let head { configuration.cors.apply(to: &response, for: head) }
        log(response, head, context, problem)
        return response
    }

    private func log(_ response: Response, _ head: RequestHead?, _ context: Context, _ problem: Problem?) {
        var metadata: Logger.Metadata = [
            "status": "\(response.status.code)", "duration_ms": "\(context.timing.elapsed.milliseconds)",
        ]
        if let head { metadata["method"] = "\(head.method.rawValue)" }
        if let problem { metadata["code"] = "\(problem.kind.code)" }
        if let cause = problem?.cause { metadata["cause"] = "\(cause)" }
        let level: Logger.Level = response.status.kind == .serverError ? .error : .info
        context.logger.log(level: level, "request", metadata: metadata)
    }
}

extension Router {
    /// The head's target, or else the first of its other readings that exists.
    func match(_ head: RequestHead) -> Match {
        let first = match(head.method, head.target)
        guard case .notFound = first else { return first }
        for target in head.otherTargets {
            let match = match(head.method, target)
            if case .notFound = match { continue }
            return match
        }
        return first
    }
}
