/// What makes the words of a reply.
public protocol LanguageModel: Sendable {
    /// Answers `chat`, handing over the text as it comes, in one piece or many.
    ///
    /// - Returns: how the answer ended.
    /// - Throws: the provider's error; `CancellationError`; whatever `emit` throws. After the first piece nothing is
    ///   tried again.
    func answer(
        _ chat: Chat, deadline: ContinuousClock.Instant, emit: (String) async throws -> Void
    ) async throws -> AnswerEnd
}

/// How a language model's answer ended.
public enum AnswerEnd: Sendable, Hashable {
    case finished
    /// It was stopped by its length limit, perhaps within a word.
    case cutShort
}

/// What a language model is asked.
public struct Chat: Sendable, Hashable {
    /// Oldest first; begins with the system's.
    public var messages: [ChatMessage]
    /// Characters wanted at most. A model may overstep it; whoever asks cuts.
    public var characterLimit: Int

    public init(messages: [ChatMessage], characterLimit: Int) {
        self.messages = messages
        self.characterLimit = characterLimit
    }
}

/// One message of a conversation.
public struct ChatMessage: Sendable, Hashable {
    public enum Role: String, Sendable, Hashable, Codable {
        case system, user, assistant
    }

    public var role: Role
    public var content: String

    public init(_ role: Role, _ content: String) {
        self.role = role
        self.content = content
    }
}
