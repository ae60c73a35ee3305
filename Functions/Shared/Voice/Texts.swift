import FunctionCore
import FunctionJSON

/// What an agent is called.
public struct AgentName: BoundedText {
    public static let bounds = TextBounds(1...100)
    public let rawValue: String
    public init(_ accepted: Accepted<String>) { rawValue = accepted.value }
}

/// What an agent's owner tells the language model.
public struct SystemPrompt: BoundedText {
    public static let bounds = TextBounds(1...10_000, manyLines: true)
    public let rawValue: String
    public init(_ accepted: Accepted<String>) { rawValue = accepted.value }
}
