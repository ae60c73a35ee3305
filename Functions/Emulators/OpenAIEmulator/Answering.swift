/// Answers from the prompt it was given, and from nothing else: the sentences that share most with the question.
enum Answering {
    /// The reply to the last user message of `messages`. Never empty.
    static func reply(to messages: [ChatRequest.Message]) -> String {
        let prompt = messages.filter { $0.role == "system" || $0.role == "developer" }.map(\.text)
        let sentences = prompt.flatMap(Sentences.split)
        let said = messages.filter { $0.role == "user" }.map(\.text)
        let question = said.last ?? ""
        let earlier = said.dropLast()
        let role = role(in: sentences)
        if let reply = courtesy(question, role: role) { return reply }
        if let reply = aboutSelf(question, role: role) { return reply }
        if asksAboutCaller(question) {
            let facts = earlier.flatMap(Sentences.split).filter { !$0.hasSuffix("?") }
            let found = best(facts, for: Words.content(of: question))
            if !found.isEmpty { return Sentences.finished(Sentences.secondPerson(found.joined(separator: " "))) }
        }
        let facts = sentences.filter { !Sentences.isInstruction($0) }
        var found = best(facts, for: Words.content(of: question))
        if found.isEmpty, let before = earlier.last {
            // "And on Saturday?" means something only after the question before it.
            found = best(facts, for: Words.content(of: question + " " + before))
        }
        guard found.isEmpty else { return found.map(Sentences.spoken).joined(separator: " ") }
        return "I am sorry, I do not have that information. \(role) \(offer)"
    }

    private static let offer = "Is there anything else I can help you with?"

    /// What the agent says it is, from the prompt's `You are …`.
    private static func role(in sentences: [String]) -> String {
        let own = sentences.first { $0.lowercased().hasPrefix("you are ") || $0.lowercased().hasPrefix("you're ") }
        return own.map { Sentences.finished(Sentences.firstPerson($0)) } ?? "I am a voice assistant."
    }

    private static func courtesy(_ question: String, role: String) -> String? {
        let words = question.lowercased().split { !$0.isLetter }.map(String.init)
        guard words.count <= 4, let first = words.first else { return question.isEmpty ? "Hello! \(role)" : nil }
        if ["hi", "hello", "hey", "namaste", "greetings"].contains(first) || words.prefix(1) == ["good"] {
            return "Hello! \(role) How can I help you today?"
        }
        if ["thanks", "thank"].contains(first) { return "You are welcome. \(offer)" }
        if ["bye", "goodbye"].contains(first) { return "Thank you for calling. Goodbye!" }
        return nil
    }

    private static func aboutSelf(_ question: String, role: String) -> String? {
        // Spaces around, so that "what are your hours" does not ask what are you.
        let words = " " + question.lowercased().split { !$0.isLetter }.joined(separator: " ") + " "
        let asksWho = [" who are you ", " your name ", " what are you ", " who am i speaking "]
        return asksWho.contains { words.contains($0) } ? role : nil
    }

    private static func asksAboutCaller(_ question: String) -> Bool {
        question.lowercased().split { !$0.isLetter }.contains { ["my", "i", "me", "mine"].contains($0) }
    }

    /// The sentences that fit best, at most three, in the order they stand in.
    ///
    /// A word that is the same counts three, one of the same meaning one, each once. A sentence is kept when it has at
    /// least seven tenths of the best one's points.
    private static func best(_ sentences: [String], for question: [String]) -> [String] {
        let most = 3
        let asked = Set(question)
        let meanings = asked.reduce(into: Set<Int>()) { $0.formUnion(Words.meanings(of: $1)) }
        let points = sentences.map { sentence -> Int in
            let words = Set(Words.content(of: sentence))
            let shared = words.reduce(into: Set<Int>()) { $0.formUnion(Words.meanings(of: $1)) }.intersection(meanings)
            let sameMeaning = words.filter { !Words.meanings(of: $0).isDisjoint(with: meanings) }.count
            return 3 * words.intersection(asked).count + 2 * shared.count + min(sameMeaning, 3)
        }
        guard let top = points.max(), top > 0 else { return [] }
        return zip(sentences, points).filter { $0.1 * 10 >= top * 7 }.prefix(most).map(\.0)
    }
}
