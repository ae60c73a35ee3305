/// A stand-in for a tokenizer: a token is a word's first or next few letters with the space before it, or one sign.
/// Close enough in number (about four characters each), and joined they are the text again.
enum Tokens {
    /// Characters.
    private static let longest = 5

    static func split(_ text: String) -> [String] {
        var tokens: [String] = []
        var current = ""
        for character in text {
            let isLetter = character.isLetter || character.isNumber
            let continues = isLetter && current.last.map { $0.isLetter || $0.isNumber || $0 == " " } ?? true
            if !continues || current.count >= longest {
                if !current.isEmpty { tokens.append(current) }
                current = ""
            }
            current.append(character)
        }
        if !current.isEmpty { tokens.append(current) }
        return tokens
    }

    /// What the messages of a prompt count as: their tokens, and four more for each one's frame.
    static func count(_ messages: [ChatRequest.Message]) -> Int {
        messages.reduce(3) { $0 + split($1.text).count + 4 }
    }
}
