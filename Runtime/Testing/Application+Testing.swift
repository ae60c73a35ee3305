import FunctionCore
import Logging

extension Application {
    /// The functions as a test needs them: nobody may ask who calls unless an authenticator is given, and nothing is
    /// logged unless a recorder is.
    public static func test(
        _ functions: any Function..., authenticator: any Authenticator = FailingAuthenticator(),
        configuration: Configuration = .init(publicURL: "https://calls.example"), log: LogRecorder = .init()
    ) -> Application {
        Application(functions, authenticator: authenticator, configuration: configuration, logger: log.logger)
    }
}
