import FoundationEssentials

/// `dev.json`: where a running development host's things are, for scripts and tests. Holds working keys of the
/// development cluster, so only its owner can read it.
public struct DevFile: Codable, Sendable, Equatable {
    public struct User: Codable, Sendable, Equatable {
        public var email: String
        public var password: String

        public init(email: String, password: String) {
            self.email = email
            self.password = password
        }
    }

    /// Base addresses of the stand-ins for other people's servers, and of what makes them fail.
    public struct Emulators: Codable, Sendable, Equatable {
        public var openai: String
        public var minimax: String
        public var flutterwave: String
        public var control: String

        public init(openai: String, minimax: String, flutterwave: String, control: String) {
            self.openai = openai
            self.minimax = minimax
            self.flutterwave = flutterwave
            self.control = control
        }
    }

    /// The server's base address, without a trailing slash.
    public var url: String
    /// libpq URI of the cluster's superuser; never given to the server.
    public var databaseURL: String
    public var agentId: String
    public var apiKey: String
    public var user: User
    public var emulators: Emulators

    public init(
        url: String, databaseURL: String, agentId: String, apiKey: String, user: User, emulators: Emulators
    ) {
        self.url = url
        self.databaseURL = databaseURL
        self.agentId = agentId
        self.apiKey = apiKey
        self.user = user
        self.emulators = emulators
    }

    /// - Returns: nil when there is no such file, so no host that is ready.
    public init?(at path: String) throws {
        guard let text = try Files.read(path) else { return nil }
        self = try JSONDecoder().decode(DevFile.self, from: Data(text.utf8))
    }

    /// Readers see the whole file or none.
    public func write(to path: String) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        try Files.write([UInt8](try encoder.encode(self)) + [UInt8(ascii: "\n")], to: path, mode: 0o600)
    }
}
