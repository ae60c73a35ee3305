import FunctionJSON

/// What an agent is called: 1 to 100 characters on one line.
struct AgentName: BoundedText {
    static let bounds = TextBounds(1...100)
    let rawValue: String
    init(_ accepted: Accepted<String>) { rawValue = accepted.value }
}

/// Who an agent is and what it knows: 1 to 8,000 characters.
struct SystemPrompt: BoundedText {
    static let bounds = TextBounds(1...8_000, manyLines: true)
    let rawValue: String
    init(_ accepted: Accepted<String>) { rawValue = accepted.value }
}
