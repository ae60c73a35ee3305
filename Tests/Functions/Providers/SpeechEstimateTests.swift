import Testing

@testable import Voice

@Suite struct SpeechEstimateTests {
    @Test(
        "the estimate of a text is not below what saying it really took",
        arguments: [
            // Milliseconds that espeak-ng took at 175 words a minute.
            ("Hello, how can I help you today?", 2_234), ("1234567890", 5_823),
            ("Call +234 803 555 0199 before 17:45, please.", 7_939), ("WWW WWW WWW", 3_899),
            ("x = 3 * (4 / 5) & 6% @ $99.99 # ~ ^", 6_484),
            (
                "Our opening hours are Monday to Friday from nine in the morning until half past five in the evening, "
                    + "and Saturday until noon.", 6_594
            ),
            ("नमस्ते, मैं आपकी कैसे मदद कर सकता हूँ?", 3_034), ("a 😀🙏🏽🇳🇬", 1_484), ("a, b, c, d, e, f, g", 2_932),
            ("No. Yes. No. Yes! Why? So: ok; fine.", 5_094), ("ABCDEFGHIJKLMNOPQRSTUVWXYZ", 2_218),
            ("Żółć gęślą jaźń, naïve café déjà vu", 2_909), ("你好,今天我能帮您什么忙?", 7_725), ("a-b-c-d/e/f_g|h", 2_279),
        ])
    func upperBound(_ text: String, _ milliseconds: Int) throws {
        let estimate = SpeechEstimate(of: try #require(SpokenText(cleaning: text)))
        #expect(estimate.seconds * 1_000 >= milliseconds)
    }

    @Test("10,000 characters of prose are estimated above the 544 s that MiniMax took, and below four times that")
    func longText() throws {
        let sentence = "The quick brown fox jumps over the lazy dog, and then it goes home. "
        let text = String(String(repeating: sentence, count: 200).prefix(10_000))
        #expect((545..<2_176).contains(SpeechEstimate(of: try SpokenText(validating: text)).seconds))
    }

    @Test("no reply, once cut, is estimated above the estimate made before it", arguments: [1, 20, 600, 4_000])
    func replies(_ characters: Int) {
        let before = SpeechEstimate(replyOfAtMost: characters)
        for unit in [
            "word ", "7", "字", "😀a", "A", "Yes. ", "é", "\n", "नमस्ते ", "A\u{200B}", "A*", "A\r", "[A](b)", "_A_",
        ] {
            let text = String(repeating: unit, count: 10_000)
            let reply = ReplyText.cut(text, toCharacters: characters, seconds: before.seconds)
            #expect(reply.unicodeScalars.count <= characters)
            if let spoken = SpokenText(cleaning: reply) {
                #expect(SpeechEstimate(of: spoken).seconds <= before.seconds)
            }
        }
    }
}
