import FunctionCore
import HTTPTypes

/// Serves the one request that a web server describes in a CGI program's environment (RFC 3875).
///
/// Command-line arguments are not looked at: a web server may put a caller's query there (§4.4).
public struct CGIHost<Input: CGIInput, Output: CGIOutput>: Sendable {
    private let responder: any Responder
    private let environment: [(String, String)]
    private let basePath: String
    private let input: Input
    private let output: Output

    /// - Parameters:
    ///   - environment: the meta-variables (§4.1) and whatever else is in the environment.
    ///   - basePath: what the operator put before our paths, without a trailing slash; usually empty.
    public init(
        responder: any Responder, environment: some Sequence<(String, String)>, basePath: String = "",
        input: Input, output: Output
    ) {
        self.responder = responder
        self.environment = Array(environment)
        self.basePath = basePath
        self.input = input
        self.output = output
    }

    /// Answers the request. At its deadline, or when the web server no longer reads, the function's task is cancelled.
    ///
    /// - Returns: whether the whole response was written.
    public func run() async -> Bool {
        let variables = GatewayVariables(environment)
        let isHead = variables["REQUEST_METHOD"] == "HEAD"
        do throws(Problem) {
            let head = try variables.requestHead(basePath: basePath)
            switch responder.accept(head) {
            case .answer(let response):
                return await send(response, isHead: isHead, to: head, nil)
            case .exchange(let exchange):
                return await untilDeadline(of: exchange) {
                    await send(await answer(head, exchange), isHead: isHead, to: head, exchange)
                }
            }
        } catch {
            return await send(responder.refuse(error), isHead: isHead, to: nil, nil)
        }
    }

    private func answer(_ head: RequestHead, _ exchange: Exchange) async -> Response {
        do throws(Problem) {
            return await exchange.respond(to: try await body(of: head, exchange))
        } catch {
            return exchange.refuse(error)
        }
    }

    /// Exactly `CONTENT_LENGTH` bytes, never to the end of input, which the web server need not close (§4.2).
    private func body(of head: RequestHead, _ exchange: Exchange) async throws(Problem) -> [UInt8] {
        guard let length = try head.contentLength() else {
            guard head.fields[.transferEncoding] == nil else {
                throw Problem(.lengthRequired, "The web server passed on a body without its length")
            }
            return []
        }
        guard length <= exchange.bodyLimit else { throw Problem(.bodyTooLarge) }
        var body: [UInt8] = []
        body.reserveCapacity(length)
        while body.count < length {
            let wanted = min(length - body.count, CGILimits.readSize)
            let piece: [UInt8]
            do {
                piece = try await input.read(upTo: wanted, deadline: exchange.deadline)
            } catch {
                throw Problem(error == .timedOut ? .requestTimeout : .incompleteBody, cause: error)
            }
            if piece.isEmpty { throw Problem(.incompleteBody) }
            body += piece
        }
        return body
    }

    private func send(_ response: Response, isHead: Bool, to head: RequestHead?, _ exchange: Exchange?) async -> Bool {
        var report = RequestReport(immediate: response, to: head, transport: .cgi)
        let isComplete: Bool
        if case .stream(let length, let produce) = response.body, response.statusAllowsBody, !isHead {
            let writer = StreamWriter(output: output, remaining: length)
            isComplete = await stream(response, produce, to: writer)
            report.bytes = writer.count
            if !isComplete { report.ending = .broken }
        } else {
            isComplete = await sendWhole(response, isHead: isHead)
            if !isComplete { report.ending = .left }
        }
        report.function = exchange?.function
        report.duration = exchange?.timing.elapsed ?? .zero
        responder.ended(report)
        return isComplete
    }

    private func sendWhole(_ response: Response, isHead: Bool) async -> Bool {
        var bytes = GatewayResponse.head(of: response)
        if response.statusAllowsBody, !isHead, case .bytes(let body) = response.body { bytes += body }
        do { try await output.write(bytes) } catch { return false }
        return true
    }

    private func stream(
        _ response: Response, _ produce: @Sendable (any BodyWriter) async throws -> Void,
        to writer: StreamWriter<Output>
    ) async -> Bool {
        do {
            try await output.write(GatewayResponse.head(of: response))
            try await produce(writer)
            return writer.isComplete
        } catch {
            return false
        }
    }

    private func untilDeadline(of exchange: Exchange, _ work: @escaping @Sendable () async -> Bool) async -> Bool {
        await withTaskGroup(of: Bool?.self) { group in
            group.addTask { await work() }
            group.addTask {
                do { try await Task.sleep(until: exchange.deadline, clock: .continuous) } catch {}
                return nil
            }
            for await result in group {
                group.cancelAll()
                if let result { return result }
            }
            return false
        }
    }
}

/// Where a CGI request's body comes from.
public protocol CGIInput: Sendable {
    /// At most `count` bytes, as soon as there are any; none at the end of input.
    func read(upTo count: Int, deadline: ContinuousClock.Instant) async throws(CGITransferError) -> [UInt8]
}

/// Where a CGI response goes.
public protocol CGIOutput: Sendable {
    /// Returns when all of `bytes` are on their way to the web server.
    func write(_ bytes: [UInt8]) async throws(CGITransferError)
}

/// Why bytes could not be moved between web server and program.
public enum CGITransferError: Error, Hashable {
    /// The other side has gone (`EPIPE`).
    case closed
    /// The other side neither sent nor took anything in time.
    case timedOut
    /// Any other `errno`.
    case system(Int32)
}

enum CGILimits {
    /// Most bytes asked of input at once.
    static let readSize = 64 * 1_024
    /// How long the web server may take to accept the next few kilobytes.
    static let writePatience: Duration = .seconds(30)
}
