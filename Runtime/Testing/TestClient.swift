import FunctionCore
import HTTPTypes
import Synchronization

/// A host without a network: does with a ``Responder`` what every host does, in memory.
public struct TestClient: RequestSender {
    private let responder: any Responder
    private let clientAddress: String?

    public init(_ responder: any Responder, clientAddress: String? = "127.0.0.1") {
        self.responder = responder
        self.clientAddress = clientAddress
    }

    /// - Throws: what a streamed body's producer threw.
    public func send(_ request: TestRequest) async throws -> TestResponse {
        let (response, exchange, head) = await answer(request)
        var report = RequestReport(immediate: response, to: head, transport: .http)
        report.function = exchange?.function
        report.duration = exchange?.timing.elapsed ?? .zero
        do {
            let received = try await receive(response, to: request.method)
            report.bytes = received.body.count
            responder.ended(report)
            return received
        } catch {
            report.ending = .broken
            responder.ended(report)
            throw error
        }
    }

    private func answer(_ request: TestRequest) async -> (Response, Exchange?, RequestHead?) {
        let head: RequestHead
        do throws(Problem) {
            var fields = request.fields
            if !request.body.isEmpty, fields[.contentLength] == nil { fields[.contentLength] = "\(request.body.count)" }
            head = RequestHead(
                method: request.method, target: try RequestTarget(request.target), fields: RequestFields(fields),
                clientAddress: clientAddress)
        } catch {
            return (responder.refuse(error), nil, nil)
        }
        switch responder.accept(head) {
        case .answer(let response):
            return (response, nil, head)
        case .exchange(let exchange):
            guard request.body.count <= exchange.bodyLimit else {
                return (exchange.refuse(Problem(.bodyTooLarge)), exchange, head)
            }
            return (await untilDeadline(exchange, request.body), exchange, head)
        }
    }

    private func untilDeadline(_ exchange: Exchange, _ body: [UInt8]) async -> Response {
        let answer = Task { await exchange.respond(to: body) }
        let timer = Task {
            try await Task.sleep(until: exchange.deadline, clock: .continuous)
            answer.cancel()
        }
        defer { timer.cancel() }
        return await withTaskCancellationHandler {
            await answer.value
        } onCancel: {
            answer.cancel()
        }
    }

    private func receive(_ response: Response, to method: HTTPRequest.Method) async throws -> TestResponse {
        var fields = response.allFields
        if response.statusAllowsBody { fields[.contentLength] = response.body.length.map { "\($0)" } }
        var body: [UInt8] = []
        if response.statusAllowsBody && method != .head {
            switch response.body {
            case .empty: break
            case .bytes(let bytes): body = bytes
            case .stream(_, let produce):
                let collector = BodyCollector()
                try await produce(collector)
                body = collector.bytes
            }
        }
        return TestResponse(status: response.status, fields: fields, body: body)
    }
}

/// Keeps a streamed body.
public final class BodyCollector: BodyWriter {
    private let collected = Mutex<[UInt8]>([])

    public init() {}

    public var bytes: [UInt8] { collected.withLock { $0 } }

    public func write(_ bytes: [UInt8]) async throws {
        try Task.checkCancellation()
        collected.withLock { $0 += bytes }
    }
}
