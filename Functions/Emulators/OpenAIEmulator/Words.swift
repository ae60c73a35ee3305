/// Words as the answering compares them: lower case, endings off, and grouped by what people mean by them.
enum Words {
    /// The words of `text` that say something, stemmed.
    static func content(of text: String) -> [String] {
        text.lowercased().split { !($0.isLetter || $0.isNumber || $0 == "'") }
            .map { word in String(word.split(separator: "'").first ?? "") }
            .filter { !$0.isEmpty && !empty.contains($0) }
            .map(stem)
    }

    /// `opening`, `opens` and `opened` are all `open`. Rough on purpose; both sides of a comparison go through it.
    static func stem(_ word: String) -> String {
        var word = word
        for ending in ["ing", "ies", "ed", "es", "s", "y", "e"] where word.hasSuffix(ending) {
            guard word.count - ending.count >= 3, !word.hasSuffix("ss") else { continue }
            word.removeLast(ending.count)
            break
        }
        return word
    }

    /// The meanings that a stem belongs to, as indices into ``groups``.
    static func meanings(of stem: String) -> Set<Int> { meaningsByStem[stem] ?? [] }

    private static let groups: [[String]] = [
        [
            "hours", "open", "close", "opening", "closing", "time", "timing", "schedule", "when", "am", "pm", "weekday",
            "weekend", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday", "daily",
        ],
        [
            "price", "cost", "much", "fee", "charge", "rate", "cheap", "expensive", "pay", "rupees", "naira", "dollars",
            "free", "discount",
        ],
        ["where", "address", "location", "located", "street", "road", "find", "directions", "city", "near", "branch"],
        ["contact", "phone", "call", "number", "email", "reach", "whatsapp", "telephone"],
        ["book", "appointment", "reserve", "reservation", "booking", "slot", "visit"],
        ["deliver", "delivery", "ship", "shipping", "courier", "dispatch"],
        ["refund", "return", "exchange", "cancel", "cancellation", "money"],
        ["offer", "service", "sell", "provide", "product", "menu", "treatment", "have"],
        ["insurance", "cover", "insurer", "policy", "claim"],
        ["park", "parking", "car"],
    ]

    private static let meaningsByStem: [String: Set<Int>] = {
        var meanings: [String: Set<Int>] = [:]
        for (index, group) in groups.enumerated() {
            for word in group { meanings[stem(word), default: []].insert(index) }
        }
        return meanings
    }()

    /// Words that every question has.
    private static let empty: Set<String> = [
        "a", "an", "the", "is", "are", "am", "was", "be", "do", "does", "did", "can", "could", "would", "will",
        "should",
        "you", "your", "yours", "i", "me", "my", "we", "our", "us", "it", "its", "they", "their", "he", "she", "to",
        "of",
        "in", "on", "at", "for", "from", "with", "by", "and", "or", "but", "if", "so", "as", "that", "this", "there",
        "what", "which", "who", "how", "please", "tell", "know", "about", "want", "like", "need", "get", "any", "some",
        "let", "just", "also", "then", "than", "hi", "hello", "hey", "business", "company", "shop", "s", "t", "ll", "d",
    ]
}
