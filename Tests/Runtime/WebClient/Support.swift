import Glibc
import HTTPTypes
import Logging
import WebClient

/// Runs `body` with a server that follows `script` and a fresh client, and ends both.
func withServer(
    with configuration: WebClient.Configuration = .init(), _ script: @escaping @Sendable (BadServer.Connection) -> Void,
    _ body: (BadServer, WebClient) async throws -> Void
) async throws {
    let server = try BadServer(script)
    let client = WebClient(configuration, logger: quiet)
    let result: Result<Void, any Error>
    do { result = .success(try await body(server, client)) } catch { result = .failure(error) }
    await client.shutdown()
    server.stop()
    try result.get()
}

/// Answers every request on a connection with `text`, then waits for the client to close.
func answer(_ text: String) -> @Sendable (BadServer.Connection) -> Void {
    { connection in
        while connection.receive() != nil, connection.send(text) {}
        connection.waitForEnd()
    }
}

let quiet = Logger(label: "web-client-tests") { _ in SwiftLogNoOpLogHandler() }

/// A request with a deadline far enough away for a busy machine.
func request(
    _ url: String, _ method: HTTPRequest.Method = .get, body: [UInt8]? = nil, within time: Duration = .seconds(20)
) -> WebRequest {
    WebRequest(method: method, url: url, body: body, deadline: .now + time)
}

/// Whether `condition` becomes true within ten seconds.
func eventually(_ condition: () -> Bool) async -> Bool {
    let deadline = ContinuousClock.now + .seconds(10)
    while !condition(), ContinuousClock.now < deadline, !Task.isCancelled {
        try? await Task.sleep(for: .milliseconds(2))
    }
    return condition()
}

/// The kind of the WebError that `work` throws; nil when it throws none.
func kind<Value>(of work: () async throws -> Value) async -> WebError.Kind? {
    do {
        _ = try await work()
        return nil
    } catch { return (error as? WebError)?.kind }
}

/// Runs `work`, which blocks, on a thread of its own, away from the tests' few.
func offPool<Value: Sendable>(_ work: @escaping @Sendable () throws -> Value) async throws -> Value {
    try await withCheckedThrowingContinuation { continuation in
        inThread { continuation.resume(with: Result { try work() }) }
    }
}
