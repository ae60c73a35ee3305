import FunctionJSON

/// What an agent is called: 1 to 100 characters on one line.
public struct AgentName: BoundedText {
    public static let bounds = TextBounds(1...100)
    public let rawValue: String
    public init(_ accepted: Accepted<String>) { rawValue = accepted.value }
}

/// Who an agent is and what it knows: 1 to 8,000 characters.
public struct SystemPrompt: BoundedText {
    public static let bounds = TextBounds(1...8_000, manyLines: true)
    public let rawValue: String
    public init(_ accepted: Accepted<String>) { rawValue = accepted.value }
}
