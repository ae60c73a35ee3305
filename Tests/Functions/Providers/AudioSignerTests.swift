import Testing

@testable import AudioStore

@Suite struct AudioSignerTests {
    static let old = String(repeating: "o", count: 32)
    static let new = String(repeating: "n", count: 32)
    static let id = AudioID.random()
    static let time = 1_800_000_000

    static func parts(_ link: AudioLink) throws -> (expires: String, signature: String) {
        let query = try #require(link.path.split(separator: "?").last).split(separator: "&")
        return (String(query[0].dropFirst("expires=".count)), String(query[1].dropFirst("signature=".count)))
    }

    @Test("a signed path fetches its recording until it expires, and not at that second")
    func lifetime() throws {
        let signer = try #require(AudioSigner(keys: Self.new))
        let link = signer.link(to: Self.id, lifetime: .seconds(60), now: Self.time)
        #expect(link.path.hasPrefix("/audio/\(Self.id).mp3?expires=\(Self.time + 60)&signature="))
        #expect(link.expires == Self.time + 60)
        let (expires, signature) = try Self.parts(link)
        #expect(signer.verifies(Self.id, expires: expires, signature: signature, now: Self.time + 59))
        #expect(!signer.verifies(Self.id, expires: expires, signature: signature, now: Self.time + 60))
    }

    @Test("a signature is for one recording and one time")
    func tampering() throws {
        let signer = try #require(AudioSigner(keys: Self.new))
        let (expires, signature) = try Self.parts(signer.link(to: Self.id, lifetime: .seconds(60), now: Self.time))
        let flipped = signature.dropLast() + (signature.hasSuffix("0") ? "1" : "0")
        #expect(!signer.verifies(.random(), expires: expires, signature: signature, now: Self.time))
        for other in [
            String(Self.time + 61), "0\(expires)", "+\(expires)", " \(expires)", "", "x", "99999999999999999999",
        ] {
            #expect(!signer.verifies(Self.id, expires: other, signature: signature, now: Self.time), "\(other)")
        }
        for other in ["", String(flipped), String(signature.dropLast()), signature + "0", signature.uppercased()] {
            #expect(!signer.verifies(Self.id, expires: expires, signature: other, now: Self.time), "\(other)")
        }
        #expect(!signer.verifies(Self.id, expires: nil, signature: signature, now: Self.time))
        #expect(!signer.verifies(Self.id, expires: expires, signature: nil, now: Self.time))
    }

    @Test("the first key signs, all verify, and one that is gone does not")
    func rotation() throws {
        let before = try #require(AudioSigner(keys: Self.old))
        let during = try #require(AudioSigner(keys: "\(Self.new),\(Self.old)"))
        let after = try #require(AudioSigner(keys: Self.new))
        let (expires, first) = try Self.parts(before.link(to: Self.id, lifetime: .seconds(60), now: Self.time))
        let (_, second) = try Self.parts(during.link(to: Self.id, lifetime: .seconds(60), now: Self.time))
        #expect(during.verifies(Self.id, expires: expires, signature: first, now: Self.time))
        #expect(after.verifies(Self.id, expires: expires, signature: second, now: Self.time))
        #expect(!after.verifies(Self.id, expires: expires, signature: first, now: Self.time))
    }

    @Test(
        "a key shorter than 32 bytes is refused, also behind a good one",
        arguments: ["", "short", ",", "\(new),", "\(new),short", ",\(new)"])
    func shortKeys(_ keys: String) { #expect(AudioSigner(keys: keys) == nil) }

    @Test("an id has one spelling")
    func ids() throws {
        #expect(AudioID(Self.id.description) == Self.id)
        #expect(AudioID(bytes: Self.id.bytes) == Self.id)
        let text = "0123456789abcdef0123456789abcdef"
        #expect(AudioID(text)?.description == text)
        for wrong in [
            "", text.uppercased(), String(text.dropLast()), text + "0", "../../../../../../etc/passwd/////",
            "0123456789abcdef/123456789abcde", "é123456789abcdef0123456789abcde",
        ] {
            #expect(AudioID(wrong) == nil, "\(wrong)")
        }
    }
}
