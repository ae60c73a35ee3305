import HTTPTypes
import Logging
import WebClient

/// Runs `body` with a server that follows `script` and a fresh client, and ends both.
func withServer(
    _ configuration: WebClient.Configuration = .init(),
    _ script: @escaping @Sendable (BadServer.Connection) -> Void,
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

let quiet = Logger(label: "web-client-tests") { _ in SwiftLogNoOpLogHandler() }

/// A request with a deadline far enough away for a busy machine.
func request(
    _ url: String, _ method: HTTPRequest.Method = .get, body: [UInt8]? = nil, within time: Duration = .seconds(20)
) -> WebRequest {
    WebRequest(method: method, url: url, body: body, deadline: .now + time)
}

/// Whether `condition` becomes true within ten seconds.
func eventually(_ condition: () -> Bool) async throws -> Bool {
    let deadline = ContinuousClock.now + .seconds(10)
    while !condition() {
        guard ContinuousClock.now < deadline else { return false }
        try await Task.sleep(for: .milliseconds(2))
    }
    return true
}

/// The kind of the WebError that `work` throws; nil when it throws none.
func kind(of work: () async throws(WebError) -> Void) async -> WebError.Kind? {
    do {
        try await work()
        return nil
    } catch {
        return error.kind
    }
}
