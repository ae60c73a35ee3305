import FunctionTesting
import HTTPTypes
import WebClient

/// Sends a scenario's requests over real HTTP.
struct HTTPSender: RequestSender {
    let baseURL: String
    let client: WebClient

    func send(_ request: TestRequest) async throws -> TestResponse {
        let response = try await client.send(
            WebRequest(
                method: request.method, url: baseURL + request.target, fields: request.fields,
                body: request.body.isEmpty && [.get, .head].contains(request.method) ? nil : request.body,
                deadline: .now + .seconds(60), responseLimit: 16 * 1_024 * 1_024))
        return TestResponse(status: response.status, fields: response.fields, body: response.body)
    }

    /// Waits until the server answers at all.
    func waitUntilReady(_ path: String = "/readyz") async throws {
        let limit = ContinuousClock.now + .seconds(30)
        while true {
            do {
                if try await get(path).status == .ok { return }
            } catch  where .now < limit {
                // Not listening yet.
            }
            guard .now < limit else { throw NotReady(url: baseURL) }
            try await Task.sleep(for: .milliseconds(20))
        }
    }

    struct NotReady: Error {
        let url: String
    }
}
