/// A provider's secret key. Printing one gives `<redacted>`.
public struct APIKey: Sendable, CustomStringConvertible, CustomDebugStringConvertible {
    let text: String

    public init(_ text: String) { self.text = text }

    public var description: String { "<redacted>" }
    public var debugDescription: String { "<redacted>" }

    /// The value of `Authorization`.
    var bearer: String { "Bearer \(text)" }

    /// `message` without this key in it, should a provider quote it.
    func redacted(from message: String) -> String {
        text.isEmpty ? message : message.replacing(text, with: "<redacted>")
    }
}
