import DevHost
import FoundationEssentials
import FunctionCore

/// Secrets of one development host, made at its first start and kept, so that tokens and audio URLs outlive a restart.
struct Keys: Codable, Sendable {
    var audioSigning: String
    var tokens: String
    var webhook: String
    var openAI: String
    var miniMax: String
    var flutterwave: String

    static func random() -> Keys {
        func secret() -> String { [UInt8].random(count: 32).hex }
        return Keys(
            audioSigning: secret(), tokens: secret(), webhook: secret(), openAI: "sk-\(secret())", miniMax: secret(),
            flutterwave: "FLWSECK_TEST-\(secret())-X")
    }

    /// Those of the file at `path`, or new ones that are then in it.
    static func keep(at path: String) throws -> Keys {
        if let text = try Files.read(path) { return try JSONDecoder().decode(Keys.self, from: Data(text.utf8)) }
        let keys = Keys.random()
        try Files.write([UInt8](try JSONEncoder().encode(keys)), to: path, mode: 0o600)
        return keys
    }
}
