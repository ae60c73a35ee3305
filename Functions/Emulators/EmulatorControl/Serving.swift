import FunctionCore
import HTTPTypes

extension ControlBoard {
    /// Records one request of `provider` and answers it: as the next waiting fault wants, or as `answer` says.
    ///
    /// - Parameters:
    ///   - kinds: faults that `answer` shows by itself.
    ///   - refuse: a refusal in the provider's own words; nil for a fault that is none.
    ///   - answer: the true answer; receives a fault when it is one of `kinds`.
    public func serve(
        _ provider: Provider, _ operation: String, _ request: Request, kinds: Set<Fault.Kind> = [],
        refuse: (Fault) throws -> Response?, answer: (Fault?) async throws -> Response
    ) async throws -> Response {
        // Before the fault is taken: what clears it in between is not to be missed.
        let clearings = clearings(of: provider)
        record(request, of: provider, as: operation)
        let accepted = kinds.union(Fault.Kind.transport).union(Fault.Kind.refusals)
        guard let fault = take(provider, operation, accepting: accepted) else { return try await answer(nil) }
        switch fault.kind {
        case .timeout:
            // Until the host gives up or the caller leaves; both cancel this task.
            try await Task.sleep(for: .seconds(86_400))
            throw CancellationError()
        case .delay:
            try await Task.sleep(for: .milliseconds(fault.milliseconds ?? 1_000))
            return try await answer(nil)
        case .hold:
            // Looked at again and again, which costs a development host nothing and leaves nobody waiting for ever: the
            // task is cancelled as for a time-out.
            while self.clearings(of: provider) == clearings { try await Task.sleep(for: .milliseconds(10)) }
            return try await answer(nil)
        case .garbage:
            return .text("<html><body><h1>Bad Gateway</h1></body></html>", type: "text/html")
        case .empty:
            return Response(status: .ok, fields: [.contentType: "application/json"])
        case .drip:
            return try await answer(nil).dripping(every: .milliseconds(fault.milliseconds ?? 100))
        case .truncated:
            return try await answer(nil).truncated(keeping: 0.5)
        case .disconnect:
            return try await answer(nil).truncated(keeping: 0)
        default:
            if var refusal = try refuse(fault) {
                if let seconds = fault.retryAfter { refusal.fields[.retryAfter] = String(seconds) }
                return refusal
            }
            return try await answer(fault)
        }
    }
}

/// The peer of a truncated answer sees the connection end.
struct BrokenOff: Error {}

extension Response {
    /// The same answer, one byte at a time.
    func dripping(every interval: Duration) -> Response {
        var response = self
        let body = body
        response.body = .stream(length: body.length) { writer in
            try await body.write(to: Dripper(writer: writer, interval: interval))
        }
        return response
    }

    /// The same answer with its whole length announced, broken off after `share` of it. An answer of unknown length is
    /// broken off after `share` of ``assumedLength``.
    func truncated(keeping share: Double) -> Response {
        let assumedLength = 1_000
        var response = self
        let body = body
        let limit = Int(Double(body.length ?? assumedLength) * share)
        response.body = .stream(length: body.length) { writer in
            try await body.write(to: Cutter(writer: writer, limit: limit))
            throw BrokenOff()
        }
        return response
    }
}

extension Response.Body {
    /// Sends the body whole.
    public func write(to writer: any BodyWriter) async throws {
        switch self {
        case .empty: break
        case .bytes(let bytes): try await writer.write(bytes)
        case .stream(_, let produce): try await produce(writer)
        }
    }
}

private struct Dripper: BodyWriter {
    let writer: any BodyWriter
    let interval: Duration

    func write(_ bytes: [UInt8]) async throws {
        for byte in bytes {
            try await writer.write([byte])
            try await Task.sleep(for: interval)
        }
    }
}

private actor Cutter: BodyWriter {
    let writer: any BodyWriter
    var limit: Int

    init(writer: any BodyWriter, limit: Int) {
        self.writer = writer
        self.limit = limit
    }

    func write(_ bytes: [UInt8]) async throws {
        let kept = Array(bytes.prefix(limit))
        limit -= kept.count
        if !kept.isEmpty { try await writer.write(kept) }
        if kept.count < bytes.count { throw BrokenOff() }
    }
}
