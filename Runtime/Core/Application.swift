import HTTPTypes
import Logging

/// The functions, and everything that happens around one of them: routing, CORS, the caller, the deadline, problems and
/// the request log. Every host serves one of these.
public final class Application: Responder {
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

    /// At and below the path `prefix` a problem is written by `render` rather than as RFC 9457.
    public struct ProblemBody: Sendable {
        /// Without a trailing slash: `/auth/v1`.
        public var prefix: String
        public var render: @Sendable (Problem, RequestHead, RequestID) -> Response

        public init(prefix: String, render: @escaping @Sendable (Problem, RequestHead, RequestID) -> Response) {
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
        var head = head
        switch router.resolve(&head) {
        case .found(let endpoint, let parameters):
            return .exchange(exchange(head, endpoint, parameters))
        case .methodNotAllowed(let allowed):
            let list = allowed.map(\.rawValue).joined(separator: ", ")
            if CORS.isPreflight(head) {
                return .answer(finish(configuration.cors.preflight(head, allowing: list), head, context(for: nil)))
            }
            if head.method == .options {
                return .answer(finish(Response(status: .noContent, fields: [.allow: list]), head, context(for: nil)))
            }
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
            id: context.requestID, function: endpoint.name, timing: context.timing,
            bodyLimit: endpoint.route.limits.body, deadline: context.deadline,
            answer: { [self] body in
                await answer(endpoint, Request(head: head, parameters: parameters, body: body), context)
            },
            refusal: { [self] in finish($0, head, context) })
    }

    private func answer(_ endpoint: Router.Endpoint, _ request: Request, _ context: Context) async -> Response {
        let outcome: Result<Response, any Error>
        do { outcome = .success(try await run(endpoint, request, context)) } catch { outcome = .failure(error) }
        return finish(outcome, request.head, context)
    }

    private func run(_ endpoint: Router.Endpoint, _ request: Request, _ context: Context) async throws -> Response {
        var context = context
        if endpoint.route.caller != .anyone {
            let caller = try await authenticator.caller(of: request, rule: endpoint.route.caller, in: context)
            context = context.with(caller: caller)
        }
        return try await endpoint.function.respond(to: request, in: context)
    }

    private func context(for endpoint: Router.Endpoint?) -> Context {
        let limit = min(endpoint?.route.limits.deadline ?? configuration.deadline, configuration.deadline)
        return Context(
            requestID: RequestID(), deadline: .now + limit, logger: logger, publicURL: configuration.publicURL,
            function: endpoint?.name)
    }

    private func problem(for error: any Error, _ context: Context) -> Problem {
        if let problem = error as? Problem { return problem }
        // Once the host has cancelled the task, what a dependency throws is most likely its own way to say so.
        if error is CancellationError || Task.isCancelled {
            return Problem(context.deadline <= .now ? .deadlineExceeded : .clientClosedRequest, cause: error)
        }
        if let problem = configuration.translate(error) { return problem }
        return Problem(.internal, cause: error)
    }

    /// Never inlined: its temporaries would be part of what every waiting request keeps.
    @inline(never)
    private func finish(_ outcome: Result<Response, any Error>, _ head: RequestHead, _ context: Context) -> Response {
        switch outcome {
        case .success(let response): finish(response, head, context)
        case .failure(let error): finish(problem(for: error, context), head, context)
        }
    }

    private func finish(_ problem: Problem, _ head: RequestHead?, _ context: Context) -> Response {
        var problem = problem
        if problem.kind.status == .serviceUnavailable, problem.fields[.retryAfter] == nil {
            problem.fields[.retryAfter] = "1"
        }
        let body = head.flatMap { head in
            configuration.problemBodies.first { head.target.path.isBelow($0.prefix) }
        }
        let response =
            if let body, let head { body.render(problem, head, context.requestID) } else {
                problem.response(instance: context.requestID)
            }
        return finish(response, head, context, problem: problem)
    }

    /// The one way out: fields that every response carries.
    private func finish(
        _ response: Response, _ head: RequestHead?, _ context: Context, problem: Problem? = nil
    ) -> Response {
        var response = response
        if let problem { response.problem = problem }
        for name in CommonFields.names where response.fields.contains(name) {
            response.fields[name] = nil
        }
        response.common = CommonFields(
            requestID: context.requestID, timing: context.timing.headerValue,
            forbidsContent: !response.fields.contains(.contentSecurityPolicy),
            forbidsStoring: !response.fields.contains(.cacheControl),
            variesByOrigin: head != nil && !configuration.cors.origins.isEmpty)
        if let head { configuration.cors.apply(to: &response, for: head) }
        return response
    }
}

// MARK: The request log

extension Application {
    /// One line for each request.
    public func ended(_ report: RequestReport) {
        let level: Logger.Level =
            if report.status.kind == .serverError { .error } else if report.ending == .broken { .warning } else {
                .info
            }
        guard logger.logLevel <= level else { return }
        var metadata = Self.metadata(report.problem)
        metadata["status"] = "\(report.status.code)"
        metadata["duration_ms"] = "\(report.duration.milliseconds)"
        if let id = report.id { metadata["request_id"] = .string(id) }
        if let function = report.function { metadata["function"] = .string(function.rawValue) }
        if let method = report.head?.method { metadata["method"] = .string(method.rawValue) }
        if report.ending != .complete { metadata["ending"] = .string(report.ending.rawValue) }
        logger.log(level: level, "request", metadata: metadata)
    }

    /// One line while the request still runs: how far it has come, and where its time has gone.
    public func isSlow(_ request: RequestInFlight) {
        var metadata: Logger.Metadata = [
            "request_id": .string(request.id), "method": .string(request.method.rawValue),
            "path": .string(request.path), "stage": .string(request.stage.rawValue),
            "age_ms": .stringConvertible(request.age.milliseconds),
            "bytes_received": .stringConvertible(request.bytesReceived),
            "bytes_sent": .stringConvertible(request.bytesSent),
        ]
        if let function = request.function { metadata["function"] = .string(function.rawValue) }
        if !request.waitsFor.isEmpty { metadata["waits_for"] = .string(request.waitsFor.joined(separator: ", ")) }
        for part in request.spent { metadata["\(part.name)_ms"] = .stringConvertible(part.duration.milliseconds) }
        logger.warning("slow request", metadata: metadata)
    }

    /// A line only for what an operator may have to look into.
    public func endedLate(_ exchange: Exchange, _ response: Response) {
        guard response.status.kind == .serverError else { return }
        var metadata = Self.metadata(response.problem)
        metadata["request_id"] = .string(exchange.id.description)
        metadata["duration_ms"] = "\(exchange.timing.elapsed.milliseconds)"
        if let function = exchange.function { metadata["function"] = .string(function.rawValue) }
        logger.notice("a request's task ended after its answer", metadata: metadata)
    }

    private static func metadata(_ problem: Problem?) -> Logger.Metadata {
        guard let problem else { return [:] }
        var metadata: Logger.Metadata = ["code": .string(problem.kind.code)]
        if let cause = problem.cause { metadata["cause"] = "\(cause)" }
        return metadata
    }
}

extension Router {
    /// Matches the head's target, or else the first of its other readings that exists, which then becomes its target.
    func resolve(_ head: inout RequestHead) -> Match {
        let program = head.program.flatMap { names.contains($0.function) ? $0 : nil }
        let first = match(head.method, head.target, of: program?.function)
        guard case .notFound = first else { return first }
        var others = head.otherTargets
        if let program, !program.hasPathInfo, let path = onlyPath(of: program.function) {
            others.append(head.target.moved(to: path))
        }
        for target in others {
            let match = match(head.method, target, of: program?.function)
            if case .notFound = match { continue }
            head.target = target
            head.otherTargets = []
            return match
        }
        return first
    }
}

extension String {
    fileprivate func isBelow(_ prefix: String) -> Bool {
        guard utf8.starts(with: prefix.utf8) else { return false }
        let rest = utf8.dropFirst(prefix.utf8.count)
        return rest.isEmpty || rest.first == UInt8(ascii: "/")
    }
}
