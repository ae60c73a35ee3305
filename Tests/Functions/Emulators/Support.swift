import EmulatorControl
import FlutterwaveEmulator
import FunctionCore
import FunctionJSON
import FunctionTesting
import HTTPTypes
import Logging
import MiniMaxEmulator
import OpenAIEmulator
import Synchronization
import Testing
import WebClient

/// The three emulators and their control, reached in memory. Webhooks go to `webhookURL`, over the network.
struct Emulation: RequestSender {
    static let key = "sk-test-key"
    static let secretHash = "a secret hash"

    let board = ControlBoard()
    let responder: any Responder
    private let client: TestClient

    init(webhookURL: String = "http://127.0.0.1:1/", web: WebClient = WebClient(logger: quiet)) {
        let flutterwave = FlutterwaveEmulator(
            .init(
                secretKey: Self.key, baseURL: "http://emulator.test", webhookURL: webhookURL,
                webhookSecretHash: Self.secretHash), client: web, board: board)
        responder = Application.test(
            EmulatorControl(board: board), OpenAIEmulator(apiKey: Self.key, board: board),
            MiniMaxEmulator(apiKey: Self.key, groupID: "group-1", board: board), flutterwave)
        client = TestClient(responder)
    }

    func send(_ request: TestRequest) async throws -> TestResponse { try await client.send(request) }
}

extension RequestSender {
    /// Sends JSON with the right bearer key, or another.
    func call(_ target: String, _ json: JSONValue, key: String? = Emulation.key) async throws -> TestResponse {
        let fields: HTTPFields = key.map { [.authorization: "Bearer \($0)"] } ?? [:]
        return try await post(target, json: String(decoding: try json.bytes, as: UTF8.self), fields: fields)
    }

    func fault(_ provider: ControlBoard.Provider, _ fault: JSONValue) async throws {
        let response = try await call("/_control/\(provider.rawValue)/faults", fault, key: nil)
        try #require(response.status == .created, "\(response.text)")
    }
}

extension JSONValue {
    /// The value at a path of names and indices, `choices.0.message.content`; null where there is none.
    func at(_ path: String) -> JSONValue {
        path.split(separator: ".").reduce(self) { value, step in
            (Int(step).flatMap { value[$0] } ?? value[String(step)]) ?? .null
        }
    }
}

let quiet = Logger(label: "emulator-tests") { _ in SwiftLogNoOpLogHandler() }

/// Waits until `condition` holds, at most `seconds`.
func eventually(within seconds: Int = 20, _ condition: () async throws -> Bool) async throws -> Bool {
    let deadline = ContinuousClock.now + .seconds(seconds)
    while !(try await condition()) {
        guard ContinuousClock.now < deadline else { return false }
        try await Task.sleep(for: .milliseconds(5))
    }
    return true
}
