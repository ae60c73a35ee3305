import FunctionCore
import HTTPTypes

/// Serves the one request that a web server describes in a CGI program's environment (RFC 3875).
///
/// Command-line arguments are not looked at: a web server may put a caller's query there (§4.4).
public struct CGIHost<Input: CGIInput, Output: CGIOutput>: Sendable {
    private let responder: any Responder
    private let environment: [(String, String)]
    private let basePath: String
    private let trustedProxies: TrustedProxies
    private let input: Input
    private let output: Output

    /// - Parameters:
    ///   - environment: the meta-variables (§4.1) and whatever else is in the environment.
    ///   - basePath: what the operator put before our paths, without a trailing slash; usually empty.
    ///   - trustedProxies: those before the web server whose `X-Forwarded-For` is believed.
    public init(
        responder: any Responder, environment: some Sequence<(String, String)>, basePath: String = "",
        trustedProxies: TrustedProxies = .none, input: Input, output: Output
    ) {
        self.responder = responder
        self.environment = Array(environment)
        self.basePath = basePath
        self.trustedProxies = trustedProxies
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
            let head = try variables.requestHead(basePath: basePath, trustedProxies)
            switch responder.accept(head) {
            case .answer(let response):
                return await send(response, isHead: isHead, beforeBodyOf: head, nil)
            case .exchange(let exchange):
                return await untilDeadline(of: exchange) { await answer(head, exchange, isHead: isHead) }
            }
        } catch {
            return await send(responder.refuse(error), isHead: isHead, to: nil, nil)
        }
    }

    private func answer(_ head: RequestHead, _ exchange: Exchange, isHead: Bool) async -> Bool {
        let body: [UInt8]
        do throws(Problem) {
            body = try await self.body(of: head, exchange)
        } catch {
            return await send(exchange.refuse(error), isHead: isHead, beforeBodyOf: head, exchange)
        }
        return await send(await exchange.respond(to: body), isHead: isHead, to: head, exchange)
    }

    /// Exactly `CONTENT_LENGTH` bytes, not to the end of input, which the web server need not close (§4.2). Without a
    /// length there should be no body, but Apache passes on one that came in chunks: that is read to its end.
    private func body(of head: RequestHead, _ exchange: Exchange) async throws(Problem) -> [UInt8] {
        guard let length = try head.contentLength() else {
            return head.mayHaveUndeclaredBody ? try await undeclaredBody(exchange) : []
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

    private func undeclaredBody(_ exchange: Exchange) async throws(Problem) -> [UInt8] {
        var body: [UInt8] = []
        while true {
            let piece: [UInt8]
            do {
                piece = try await input.read(upTo: CGILimits.readSize, deadline: exchange.deadline)
            } catch {
                throw error == .timedOut
                    ? Problem(.lengthRequired, "The web server passed on a body without its length or its end.")
                    : Problem(.incompleteBody, cause: error)
            }
            if piece.isEmpty { return body }
            body += piece
            guard body.count <= exchange.bodyLimit else { throw Problem(.bodyTooLarge) }
        }
    }

    /// Sends an answer that was decided without the body, and then takes what the web server still sends of that: one
    /// that cannot get rid of it (Apache's mod_cgid, fcgiwrap) throws our answer away.
    private func send(
        _ response: Response, isHead: Bool, beforeBodyOf head: RequestHead, _ exchange: Exchange?
    ) async -> Bool {
        let isSent = await send(response, isHead: isHead, to: head, exchange)
        // nil for a length that is none: then nobody knows what would follow.
        guard let declared = try? head.contentLength() ?? (head.mayHaveUndeclaredBody ? .max : 0) else { return isSent }
        var left = min(declared, CGILimits.discard)
        let deadline = ContinuousClock.now + CGILimits.linger
        while left > 0, let piece = try? await input.read(upTo: min(left, CGILimits.readSize), deadline: deadline),
            !piece.isEmpty
        {
            left -= piece.count
        }
        return isSent
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
    /// Most bytes of a body that are taken and thrown away after an early answer; above what the web servers'
    /// configurations in deploy/ let through.
    static let discard = 2 * 1_024 * 1_024
    /// How long that may take.
    static let linger: Duration = .seconds(2)
    /// How long the web server may take to accept the next few kilobytes.
    static let writePatience: Duration = .seconds(30)
}
