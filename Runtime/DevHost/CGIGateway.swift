import FastCGI
import FunctionChannel
import FunctionCore
import Glibc
import Logging

/// Starts a program for every request, as a web server with CGI does (RFC 3875). In front of it goes the HTTP host.
public struct CGIGateway: Responder {
    public struct Configuration: Sendable {
        /// What `SERVER_NAME` and `SERVER_PORT` say.
        public var serverName = "localhost"
        public var serverPort = 80
        /// Largest body handed over, in bytes; the program has its own limits below it.
        public var bodyLimit = 1_048_576
        /// Longer than the program's own; then it is killed.
        public var deadline = Duration.seconds(60)
        /// Programs at once; one more request is 503.
        public var programs = 32

        public init() {}
    }

    private let configuration: Configuration
    private let command: @Sendable () -> Command
    private let errors: Int32
    private let gate: Gate
    private let logger: Logger

    /// - Parameters:
    ///   - errors: where the programs' standard error goes.
    ///   - command: asked for each request, so that the program may change. Its environment is what an operator sets.
    public init(
        configuration: Configuration = .init(), errors: Int32, logger: Logger,
        command: @escaping @Sendable () -> Command
    ) {
        self.configuration = configuration
        self.command = command
        self.errors = errors
        self.logger = logger
        gate = Gate(limit: configuration.programs)
    }

    public func accept(_ head: RequestHead) -> Acceptance {
        .exchange(
            Exchange(
                bodyLimit: configuration.bodyLimit, deadline: .now + configuration.deadline,
                answer: { body in await run(head, body) }, refusal: refuse))
    }

    public func refuse(_ problem: Problem) -> Response { problem.response(instance: RequestID()) }

    private func run(_ head: RequestHead, _ body: [UInt8]) async -> Response {
        guard gate.enter() else { return refuse(Problem(.overloaded)) }
        do {
            let process = try CGIChild(command(for: head, body), input: body, errors: errors) { [gate] in gate.leave() }
            return try await withTaskCancellationHandler {
                try await Response(isHead: head.method == .head) { try await process.output.next() }
            } onCancel: {
                process.kill()
            }
        } catch let error as SystemCallError {
            gate.leave()
            logger.warning("a CGI program did not start", metadata: ["error": "\(error)"])
        } catch  where Task.isCancelled {
            return refuse(Problem(.clientClosedRequest))
        } catch {
            logger.warning("a CGI program did not answer", metadata: ["error": "\(error)"])
        }
        return refuse(Problem(.applicationUnavailable))
    }

    private func command(for head: RequestHead, _ body: [UInt8]) -> Command {
        var command = command()
        let variables = head.gatewayVariables(
            serverName: configuration.serverName, serverPort: configuration.serverPort, bodyLength: body.count)
        for variable in variables { command.environment[variable.name] = variable.value }
        return command
    }
}
