import Testing

@testable import Voice

@Suite struct ReplyTextTests {
    @Test(
        "a reply is cut at the end of a sentence, else between words, else between characters",
        arguments: [
            ("Short.", 10, "Short."), ("One two. Three four.", 12, "One two."),
            ("One two. Three four.", 20, "One two. Three four."),
            ("One two. Three four. Five", 24, "One two. Three four."),
            ("It costs 2.50 naira today", 14, "It costs 2.50"),
            ("Really? Yes! No way at all", 13, "Really? Yes!"),
            ("He said \"Stop.\" Then he went", 20, "He said \"Stop.\""),
            ("你好。今天天气很好。再见", 10, "你好。今天天气很好。"), ("Mr. Okonkwo is not in the office", 25, "Mr. Okonkwo is not in the"),
            ("abcdefghij", 4, "abcd"), ("e\u{301}e\u{301}e\u{301}", 3, "e\u{301}"), ("👨‍👩‍👧x", 3, ""),
            ("  padded.  ", 20, "padded."),
            ("Line one\nLine two goes on", 12, "Line one"), ("", 10, ""),
        ])
    func cutting(_ text: String, _ characters: Int, _ expected: String) {
        #expect(ReplyText.cut(text, toCharacters: characters, seconds: 1_000) == expected)
    }

    @Test("a reply that the model could not finish loses its last half sentence")
    func unfinished() {
        #expect(
            ReplyText.cut("All is well. And fur", toCharacters: 100, seconds: 100, isUnfinished: true) == "All is well."
        )
        #expect(ReplyText.cut("All is well.", toCharacters: 100, seconds: 100, isUnfinished: true) == "All is well.")
    }

    @Test("what a model thought before it answered is not part of the reply")
    func thoughts() {
        #expect(ReplyText.cut("<think>Hm. They ask…</think>\n\nHello.", toCharacters: 99, seconds: 99) == "Hello.")
        #expect(ReplyText.cut("<think>never ends", toCharacters: 99, seconds: 99) == "")
        #expect(ReplyText.cut("I <think> so.", toCharacters: 99, seconds: 99) == "I <think> so.")
    }

    @Test("a reply is cut to seconds too, when its characters take long to say")
    func seconds() {
        let text = String(repeating: "12345 67890. ", count: 50)
        let reply = ReplyText.cut(text, toCharacters: 600, seconds: 30)
        #expect(SpeechEstimate.milliseconds(of: reply) <= 30_000)
        #expect(reply.hasSuffix("67890."))
    }
}
