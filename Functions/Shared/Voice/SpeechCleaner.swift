/// Takes out of a text what should not be read aloud. Linear in time.
enum SpeechCleaner {
    static func clean(_ text: String) -> String {
        let visible = text.unicodeScalars.lazy.compactMap(visible)
        let lines = String(String.UnicodeScalarView(visible)).split(separator: "\n").compactMap(withoutMarkdown)
        // Markers go last: everything before may have moved the parts of one together.
        return withoutPauseMarkers(lines.joined(separator: "\n"))
    }

    /// Control characters become spaces, line ends become `\n`, and formatting characters go. The two joiners stay: Indic
    /// and Persian words need them.
    private static func visible(_ scalar: Unicode.Scalar) -> Unicode.Scalar? {
        switch scalar {
        case "\n", "\r", "\u{85}", "\u{2028}", "\u{2029}": return "\n"
        case "\u{200C}", "\u{200D}": return scalar
        default: break
        }
        switch scalar.properties.generalCategory {
        case .control: return " "
        case .format, .surrogate, .privateUse, .unassigned: return nil
        default: return scalar
        }
    }

    /// Heading, quote and list marks at a line's start; emphasis, code and links within it.
    private static func withoutMarkdown(_ line: Substring) -> String? {
        var rest = line.drop { $0 == " " }
        if rest.allSatisfy({ $0 == "-" || $0 == "*" || $0 == "_" || $0 == "`" || $0 == " " }) { return nil }
        if rest.hasPrefix(">") { rest = rest.drop { $0 == ">" || $0 == " " } }
        let heading = rest.drop { $0 == "#" }
        if rest.hasPrefix("#"), heading.first == " " { rest = heading.drop { $0 == " " } }
        for mark in ["- ", "* ", "+ "] where rest.hasPrefix(mark) { rest = rest.dropFirst(2) }
        let text = MarkdownText(rest).withoutLinks.replacing("**", with: "").replacing("__", with: "").replacing(
            " * ", with: " × "
        )
        .filter { $0 != "`" && $0 != "*" }
        return text.isEmpty ? nil : text
    }

    /// Removes `<#…#>`, also one inside another and one that only appears once another has gone.
    static func withoutPauseMarkers(_ text: String) -> String {
        var kept: [Unicode.Scalar] = []
        /// Where in `kept` markers begin that have not ended.
        var open: [Int] = []
        for scalar in text.unicodeScalars {
            kept.append(scalar)
            if scalar == "#", kept.dropLast().last == "<" {
                open.append(kept.count - 2)
            } else if scalar == ">", kept.dropLast().last == "#" {
                // In `<#>` one `#` cannot both begin a marker and end it, but may end the one around it.
                let end = kept.count - "<##>".count
                guard let index = open.lastIndex(where: { $0 <= end }) else { continue }
                kept.removeSubrange(open[index]...)
                open.removeSubrange(index...)
            }
        }
        return String(String.UnicodeScalarView(kept))
    }
}

/// One line of markdown.
private struct MarkdownText {
    let text: Substring
    init(_ text: Substring) { self.text = text }

    /// With `[words](address)` and `![words](address)` as the words alone.
    var withoutLinks: String {
        var result = ""
        var rest = text
        while let open = rest.firstIndex(of: "[") {
            let inside = rest[rest.index(after: open)...]
            // Each search ends at the next bracket at the latest, so all of them together read the text once.
            guard let close = inside.firstIndex(where: { $0 == "]" || $0 == "[" }), inside[close] == "]",
                case let address = inside[inside.index(after: close)...], address.first == "(",
                let end = address.dropFirst().firstIndex(where: { " ()[".contains($0) }), address[end] == ")"
            else {
                result += rest[...open]
                rest = inside
                continue
            }
            var before = rest[..<open]
            if before.last == "!" { before.removeLast() }
            result += before + inside[..<close]
            rest = address[address.index(after: end)...]
        }
        return result + rest
    }
}
