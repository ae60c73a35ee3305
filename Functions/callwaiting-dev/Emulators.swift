import DevHost
import EmulatorControl
import FlutterwaveEmulator
import FunctionCore
import Logging
import MiniMaxEmulator
import OpenAIEmulator
import WebClient

/// The stand-ins for other people's servers, all behind one port of this process.
struct Emulators: Sendable {
    let server: InProcessServer
    let addresses: DevFile.Emulators
    private let client: WebClient

    /// - Parameter publicURL: the address of the server that payment webhooks go to.
    static func start(publicURL: String, keys: Keys, logger: Logger) async throws -> Emulators {
        let client = WebClient(logger: logger)
        let late = LateResponder()
        let server = try await InProcessServer.start(late, port: 0, drainTime: .seconds(1), logger: logger)
        let board = ControlBoard()
        let flutterwave = FlutterwaveEmulator.Configuration(
            secretKey: keys.flutterwave, baseURL: server.url, webhookURL: publicURL + "/api/flutterwave-webhook",
            webhookSecretHash: keys.webhook)
        late.set(
            Application(
                [
                    EmulatorControl(board: board), OpenAIEmulator(apiKey: keys.openAI, board: board),
                    MiniMaxEmulator(apiKey: keys.miniMax, board: board),
                    FlutterwaveEmulator(flutterwave, client: client, board: board),
                ],
                authenticator: NobodyAuthenticator(), configuration: .init(publicURL: server.url), logger: logger))
        let addresses = DevFile.Emulators(
            openai: server.url + "/v1", minimax: server.url, flutterwave: server.url + "/v3",
            control: server.url + "/_control")
        return Emulators(server: server, addresses: addresses, client: client)
    }

    func stop() async {
        await server.stop()
        await client.shutdown()
    }
}

/// The emulators' routes are for anyone, so nobody is ever asked for.
private struct NobodyAuthenticator: Authenticator {
    func caller(of request: Request, rule: CallerRule, in context: Context) async throws -> any Sendable {
        throw Problem(.internal)
    }
}
