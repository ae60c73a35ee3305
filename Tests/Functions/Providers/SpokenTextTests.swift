import Testing
import Voice

@Suite struct SpokenTextTests {
    @Test(
        "pause markers never reach the speech model",
        arguments: [
            ("Wait<#5#> here", "Wait here"), ("<#99.99#>Hello<#99.99#>", "Hello"), ("a<#<#1#>2#>b", "ab"),
            ("a<<#1#>#2#>b", "ab"), ("a<\u{0}#5#>b", "a< #5#>b"), ("a<\u{200B}#5#>b", "ab"), ("a<`#5#`>b", "ab"),
            ("a<**#5#**>b", "ab"), ("a<#\n5#>b", "ab"), ("a <#> b", "a <#> b"), ("C# and <b>", "C# and <b>"),
            ("a<#5 b", "a<#5 b"), ("a 5#> b", "a 5#> b"), ("a<##>b", "ab"), ("a[<#](x)5#>b", "ab"),
        ])
    func pauseMarkers(_ text: String, _ spoken: String) { #expect(SpokenText(cleaning: text)?.rawValue == spoken) }

    @Test("no text of markers' parts gives a text with a marker in it")
    func noMarkerSurvives() {
        var generator = SystemRandomNumberGenerator()
        let parts = ["<", "#", ">", "1", "<#", "#>", "*", "`", "\u{200B}", "\n", "a", "[", "](", ")", "\u{2060}", " "]
        for _ in 0..<3_000 {
            let text = (0..<24).map { _ in parts.randomElement(using: &generator) ?? "" }.joined()
            guard let spoken = SpokenText(cleaning: text)?.rawValue else { continue }
            let hasMarker = spoken.firstRange(of: "<#").map { spoken[$0.upperBound...].contains("#>") } ?? false
            #expect(!hasMarker, "\(text.debugDescription) became \(spoken.debugDescription)")
        }
    }

    @Test(
        "markdown is not read aloud",
        arguments: [
            ("**Hello** _you_", "Hello _you_"), ("# Title\n\nText", "Title\nText"), ("- one\n- two", "one\ntwo"),
            ("> quoted", "quoted"), ("`code`", "code"), ("[our site](https://x.example/a_b)", "our site"),
            ("![a dog](x.png) runs", "a dog runs"), ("---\nText", "Text"), ("#1 in town", "#1 in town"),
            ("2 - 1 = 1", "2 - 1 = 1"), ("2 * 3 is *six*", "2 × 3 is six"), ("> ## Quoted", "Quoted"),
            ("a [b] (c)", "a [b] (c)"), ("mail a_b@c.example", "mail a_b@c.example"),
        ])
    func markdown(_ text: String, _ spoken: String) { #expect(SpokenText(cleaning: text)?.rawValue == spoken) }

    @Test(
        "control and formatting characters go, joiners that words need stay",
        arguments: [
            ("a\u{7}b", "a b"), ("a\u{202E}b\u{2066}c\u{FEFF}", "abc"), ("co\u{AD}operate", "cooperate"),
            ("a\r\nb", "a\nb"), ("क\u{94D}\u{200D}ष", "क\u{94D}\u{200D}ष"), ("a\tb", "a b"),
        ])
    func controls(_ text: String, _ spoken: String) { #expect(SpokenText(cleaning: text)?.rawValue == spoken) }

    @Test(
        "a text without a letter or a digit has nothing to say",
        arguments: ["", " ", "...", "<#5#>", "**", "\u{200B}", "👍"])
    func nothingToSay(_ text: String) {
        #expect(SpokenText(cleaning: text) == nil)
        #expect(throws: (any Error).self) { try SpokenText(validating: text) }
    }

    @Test("a caller's text may have 10,000 characters and not one more")
    func length() throws {
        #expect(try SpokenText(validating: String(repeating: "é", count: 10_000)).rawValue.count == 10_000)
        #expect(throws: (any Error).self) { try SpokenText(validating: String(repeating: "a", count: 10_001)) }
        #expect(throws: (any Error).self) { try SpokenText(validating: "a\u{0}b") }
    }

    @Test("cleaning takes time in proportion to the text, whatever it is made of")
    func cost() {
        for part in ["<#", "#>", "[", "[](", "*", "<", "# ", ">"] {
            let text = String(repeating: part, count: 50_000 / part.count)
            // Once in time is enough: a machine may be busy, text that takes longer always does.
            let isQuick = (1...3).contains { _ in
                ContinuousClock().measure { _ = SpokenText(cleaning: text) } < .seconds(5)
            }
            #expect(isQuick, "\(part)")
        }
    }
}
