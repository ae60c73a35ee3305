/// What a language model said, made fit to be an agent's reply.
enum ReplyText {
    /// What a model says beyond this, in Unicode code points, is not looked at: it runs on an I/O thread.
    private static let longestText = 4 * SpokenText.maximumLength

    /// All but line ends and tabs: a reply is stored as text, which has no NUL, and shown.
    private static func isControl(_ scalar: Unicode.Scalar) -> Bool {
        scalar != "\n" && scalar != "\t" && scalar.properties.generalCategory == .control
    }

    /// - Parameters:
    ///   - characters: the most kept, in Unicode code points.
    ///   - seconds: how long saying it may take at most, by ``SpeechEstimate``.
    ///   - isUnfinished: the model was stopped in the middle.
    static func cut(_ text: String, toCharacters characters: Int, seconds: Int, isUnfinished: Bool = false) -> String {
        let said = withoutThoughts(text[...]).unicodeScalars.prefix(longestText).filter { !isControl($0) }
        let text = trimmed(SpeechCleaner.withoutPauseMarkers(String(String.UnicodeScalarView(said)))[...])
        let end = limit(of: text, characters: characters, milliseconds: seconds * 1_000)
        guard end < text.endIndex || isUnfinished else { return String(text) }
        let kept = text[..<end]
        if endsSentence(kept, in: text) { return String(trimmed(kept)) }
        let sentence = lastSentenceEnd(of: kept, in: text)
        // A sentence that ends very early ("Mr.") would lose nearly everything.
        if let sentence, kept[..<sentence].count * 3 >= kept.count { return String(trimmed(kept[..<sentence])) }
        let isWholeWord = end < text.endIndex && text[end].isWhitespace
        let word = isWholeWord ? end : kept.lastIndex { $0.isWhitespace }
        let words = trimmed(word.map { kept[..<$0] } ?? kept)
        return String(words.isEmpty ? kept : words)
    }

    /// Some models put their reasoning before the answer, between `<think>` and `</think>`.
    private static func withoutThoughts(_ text: Substring) -> Substring {
        let start = trimmed(text)
        guard start.hasPrefix("<think>") else { return text }
        guard let end = start.firstRange(of: "</think>") else { return "" }
        return start[end.upperBound...]
    }

    private static func trimmed(_ text: Substring) -> Substring {
        guard let first = text.firstIndex(where: { !$0.isWhitespace }),
            let last = text.lastIndex(where: { !$0.isWhitespace })
        else { return "" }
        return text[first...last]
    }

    /// The end of the last whole character within both bounds.
    private static func limit(of text: Substring, characters: Int, milliseconds: Int) -> String.Index {
        var count = 0
        var length = SpeechEstimate.base
        var previous: Unicode.Scalar = " "
        var index = text.startIndex
        while index < text.endIndex {
            for scalar in text[index].unicodeScalars {
                count += 1
                length += SpeechEstimate.weight(of: scalar, after: previous)
                previous = scalar
            }
            if count > characters || length > milliseconds { return index }
            index = text.index(after: index)
        }
        return index
    }

    private static func lastSentenceEnd(of kept: Substring, in text: Substring) -> String.Index? {
        var end = kept.endIndex
        while end > kept.startIndex {
            if endsSentence(kept[..<end], in: text) { return end }
            end = kept.index(before: end)
        }
        return nil
    }

    /// Whether `part`, with which `text` begins, stops where a sentence does: at a full stop that white space or a
    /// closing mark follows, or at one of a script that needs none.
    private static func endsSentence(_ part: Substring, in text: Substring) -> Bool {
        guard let last = part.last else { return false }
        if "。！？।॥؟".contains(last) || last.isNewline { return true }
        let next = part.endIndex < text.endIndex ? text[part.endIndex] : " "
        if ".!?…".contains(last) { return next.isWhitespace }
        guard "\"'”’)]".contains(last), next.isWhitespace, let before = part.dropLast().last else { return false }
        return ".!?…。！？".contains(before)
    }
}
