/// Cuts a prompt into sentences, and says some of them in the first person.
enum Sentences {
    /// The sentences of `text`, each without line breaks. A line ends one; so does a full stop before a capital. A
    /// heading and the fragments below it are one: `Opening times: 8 to 6 on weekdays, closed on Sunday`.
    static func split(_ text: String) -> [String] {
        var sentences: [String] = []
        var open: Heading?
        func close() {
            if let heading = open { sentences.append(heading.sentence) }
            open = nil
        }
        for raw in text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline) {
            let line = String(raw).trimmed(leading: "-*•#> \t")
            if let heading = open, heading.takes(line) {
                if !line.isEmpty { open?.fragments.append(line) }
                continue
            }
            close()
            if let heading = Heading(line, isMarked: raw.first == "#") {
                open = heading
            } else {
                sentences += cut(line)
            }
        }
        close()
        return sentences
    }

    /// A line that names what follows.
    private struct Heading {
        let label: String
        /// By `#` or a colon; otherwise it is only short, and less is taken for its own.
        let isMarked: Bool
        var fragments: [String] = []

        init?(_ line: String, isMarked: Bool) {
            self.isMarked = isMarked || line.last == ":"
            label = line.last == ":" ? String(line.dropLast()) : line
            let words = label.split(separator: " ").count
            guard (1...(self.isMarked ? 3 : 2)).contains(words), label.allSatisfy({ $0.isLetter || $0 == " " }),
                !isInstruction(label)
            else { return nil }
        }

        func takes(_ line: String) -> Bool {
            if line.isEmpty { return isMarked && fragments.isEmpty }
            let word = line.split(separator: " ").last ?? ""
            let isFragment = !".!?:".contains(line.last ?? ".") || isAbbreviation(word)
            return isFragment && (isMarked || !line.contains(": "))
        }

        var sentence: String { fragments.isEmpty ? label : "\(label): \(fragments.joined(separator: ", "))" }
    }

    private static func cut(_ line: String) -> [String] {
        var sentences: [String] = []
        var words: [Substring] = []
        let all = line.split(separator: " ")
        for (index, word) in all.enumerated() {
            words.append(word)
            guard let end = word.last, ".!?".contains(end), !isAbbreviation(word) else { continue }
            let next = index + 1 < all.count ? all[index + 1].first : nil
            if next?.isLowercase == true { continue }
            sentences.append(words.joined(separator: " "))
            words = []
        }
        if !words.isEmpty { sentences.append(words.joined(separator: " ")) }
        return sentences
    }

    private static func isAbbreviation(_ word: Substring) -> Bool {
        guard word.last == "." else { return false }
        let letters = word.dropLast()
        return letters.count == 1 || letters.contains(".") && letters.allSatisfy { $0.isLetter || $0 == "." }
            || ["mr", "mrs", "ms", "dr", "st", "no", "rs", "etc", "vs"].contains(letters.lowercased())
    }

    /// Whether a sentence tells the model how to behave, rather than anything a caller could want to know.
    static func isInstruction(_ sentence: String) -> Bool {
        let first = sentence.lowercased().split(separator: " ").prefix(2).map(String.init)
        guard let verb = first.first else { return true }
        return [
            "always", "never", "keep", "answer", "be", "do", "don't", "speak", "use", "respond", "reply", "greet",
            "help",
            "act", "you", "avoid", "remember", "ask", "assist", "stay", "make", "only", "when", "pretend",
        ].contains(verb)
    }

    /// A sentence of the prompt as the agent would say it: `Business hours: 9 to 5` becomes `Our business hours are 9 to
    /// 5.`, `If asked about refunds, say that they take a week.` becomes `They take a week.`
    static func spoken(_ sentence: String) -> String {
        var text = sentence
        if text.lowercased().hasPrefix("if "), let comma = text.firstIndex(of: ",") {
            text = String(text[text.index(after: comma)...]).trimmed(leading: " ")
            for opening in ["say that ", "tell them that ", "tell them ", "answer that ", "explain that ", "say "]
            where text.lowercased().hasPrefix(opening) {
                text = String(text.dropFirst(opening.count))
                break
            }
        }
        if let colon = text.firstIndex(of: ":"), text.index(after: colon) < text.endIndex,
            text[text.index(after: colon)] == " "
        {
            let label = text[..<colon].lowercased()
            if (1...3).contains(label.split(separator: " ").count) {
                let value = String(text[text.index(after: colon)...]).trimmed(leading: " ")
                let verb = label.hasSuffix("s") && !label.hasSuffix("ss") ? "are" : "is"
                let owner = label.hasPrefix("our ") ? "" : "Our "
                text = "\(owner)\(label) \(verb) \(value)"
            }
        }
        return finished(firstPerson(text))
    }

    /// `You are Maya` as Maya says it.
    static func firstPerson(_ text: String) -> String {
        replacing(in: text, ["you are": "I am", "you're": "I'm", "your": "my", "yourself": "myself", "you": "I"])
    }

    /// What a caller said of themselves, said back to them.
    static func secondPerson(_ text: String) -> String {
        replacing(
            in: text,
            ["i am": "you are", "i'm": "you are", "my": "your", "me": "you", "i": "you", "mine": "yours", "we": "you"])
    }

    /// One capital at the start, one sign at the end.
    static func finished(_ text: String) -> String {
        guard let first = text.first, let last = text.last else { return text }
        let start = first.uppercased() + text.dropFirst()
        return ".!?".contains(last) ? start : start + "."
    }

    private static func replacing(in text: String, _ pairs: [String: String]) -> String {
        let words = text.split(separator: " ").map(String.init)
        var out: [String] = []
        var index = 0
        while index < words.count {
            let two = index + 1 < words.count ? (words[index] + " " + words[index + 1]).lowercased() : ""
            if let pair = pairs[two] {
                out.append(pair)
                index += 2
                continue
            }
            let core = words[index].lowercased().filter { $0.isLetter || $0 == "'" }
            out.append(pairs[core].map { $0 + words[index].suffix(while: \.isPunctuation) } ?? words[index])
            index += 1
        }
        return out.joined(separator: " ")
    }
}

extension String {
    func trimmed(leading characters: String) -> String { String(drop { characters.contains($0) }) }

    fileprivate func suffix(while holds: (Character) -> Bool) -> String {
        String(reversed().prefix(while: holds).reversed())
    }
}
