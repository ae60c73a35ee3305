import FunctionCore
import FunctionService
import FunctionTesting
import HTTPTypes
import Synchronization
import WebClient

/// Serves `responder` over HTTP on a free port of 127.0.0.1 while `body` runs.
func withServer<Result>(
    _ responder: any Responder, _ body: (_ url: String) async throws -> Result
) async throws -> Result {
    var configuration = Server.Configuration(listeners: [Listener(.http, .tcp(host: "127.0.0.1", port: 0))])
    configuration.handlesSignals = false
    configuration.loops = 1
    configuration.drainTime = .milliseconds(500)
    configuration.cancelTime = .seconds(5)
    let server = Server(responder: responder, configuration: configuration, logger: quiet)
    let (ports, continuation) = AsyncStream.makeStream(of: Int.self)
    let running = Task {
        defer { continuation.finish() }
        try await server.run { addresses in continuation.yield(addresses.first?.port ?? 0) }
    }
    guard let port = await ports.first(where: { _ in true }) else {
        try await running.value
        throw CancellationError()
    }
    let result: Swift.Result<Result, any Error>
    do { result = .success(try await body("http://127.0.0.1:\(port)")) } catch { result = .failure(error) }
    server.triggerStop()
    try await running.value
    return try result.get()
}

/// Sends over the network, through our own client.
struct LiveSender: RequestSender {
    let url: String
    let web: WebClient
    var patience = Duration.seconds(20)

    func send(_ request: TestRequest) async throws -> TestResponse {
        let response = try await web.send(
            WebRequest(
                method: request.method, url: url + request.target, fields: request.fields,
                body: request.method == .get ? nil : request.body, deadline: .now + patience,
                responseLimit: 32 * 1_024 * 1_024))
        return TestResponse(status: response.status, fields: response.fields, body: response.body)
    }
}

/// A merchant's webhook endpoint: keeps what it is sent, and answers 200 or what it is told.
final class Merchant: Function {
    static let name: FunctionName = "merchant"
    static let routes = [Route.post("/hook", caller: .anyone)]

    private let state: Mutex<(received: [Request], answers: [HTTPResponse.Status])>

    init(answers: [HTTPResponse.Status] = []) { state = Mutex(([], answers)) }

    var received: [Request] { state.withLock { $0.received } }

    func respond(to request: Request, in context: Context) async throws -> Response {
        state.withLock { state in
            state.received.append(request)
            return Response(status: state.answers.isEmpty ? .ok : state.answers.removeFirst())
        }
    }
}
