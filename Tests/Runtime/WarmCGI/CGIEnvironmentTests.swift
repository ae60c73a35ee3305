import Testing

@testable import WarmCGI

@Suite struct CGIEnvironmentTests {
    private func environment(_ pairs: KeyValuePairs<String, String>) -> CGIEnvironment {
        CGIEnvironment(pairs.map { NameValuePair($0.key, $0.value) }, settings: ["DATABASE_URL", "BASE_PATH"])
    }

    @Test func `What describes the request goes over, and nothing of whoever started the process`() {
        let split = environment([
            "REQUEST_METHOD": "POST", "HTTP_X_AGENT_KEY": "k", "HTTP_PROXY": "http://evil.example", "PATH_INFO": "/x",
            "REDIRECT_HTTP_AUTHORIZATION": "Bearer t", "AWS_SECRET_ACCESS_KEY": "s", "UNIQUE_ID": "1",
            "DATABASE_URL": "postgresql://", "PGSSLMODE": "require", "LC_ALL": "C", "http_x": "y",
        ])
        #expect(
            split.request.map(\.name) == [
                "REQUEST_METHOD", "HTTP_X_AGENT_KEY", "PATH_INFO", "REDIRECT_HTTP_AUTHORIZATION",
            ])
        #expect(split.installation.map(\.name) == ["DATABASE_URL", "PGSSLMODE", "LC_ALL"])
    }

    @Test(arguments: [
        ("", 0), ("0", 0), ("12", 12), ("+1", 0), ("-1", 0), ("1 ", 0), ("0x10", 0), ("99999999999999999999", 0),
    ])
    func `Only decimal digits are a body's length`(text: String, length: Int) {
        #expect(environment(["REQUEST_METHOD": "GET", "CONTENT_LENGTH": text]).bodyLength == length)
        #expect(environment(["REQUEST_METHOD": "GET", "HTTP_CONTENT_LENGTH": "5"]).bodyLength == 0)
    }

    @Test(arguments: ["POST", "PATCH", "PUT"])
    func `A body without a length goes to the end of input`(method: String) {
        #expect(environment(["REQUEST_METHOD": method]).bodyLength == .max)
        #expect(environment(["REQUEST_METHOD": method, "CONTENT_LENGTH": "0"]).bodyLength == 0)
    }

    @Test func `Only what changes nothing and brings no body may be asked twice`() {
        for method in ["GET", "HEAD", "OPTIONS"] {
            #expect(environment(["REQUEST_METHOD": method]).mayBeDoneTwice)
            #expect(environment(["REQUEST_METHOD": method, "CONTENT_LENGTH": "0"]).mayBeDoneTwice)
            #expect(!environment(["REQUEST_METHOD": method, "CONTENT_LENGTH": "1"]).mayBeDoneTwice)
        }
        for method in ["POST", "PUT", "PATCH", "DELETE", "get", ""] {
            #expect(!environment(["REQUEST_METHOD": method, "CONTENT_LENGTH": "0"]).mayBeDoneTwice)
        }
        #expect(!environment([:]).mayBeDoneTwice)
    }

    @Test func `A name is found whole, however it was put together`() {
        var names: NameSet = ["PUBLIC_URL"]
        names.insert("DATABASE_URL", "_FILE")
        for name in ["PUBLIC_URL", "DATABASE_URL_FILE"] { #expect(names.contains(Fingerprint(of: name))) }
        for name in ["PUBLIC", "PUBLIC_URL_", "DATABASE_URL", "_FILE", ""] {
            #expect(!names.contains(Fingerprint(of: name)))
        }
    }

    @Test func `A fingerprint is 16 digits, zeros in front among them`() {
        var fingerprint = Fingerprint()
        #expect(fingerprint.text == "cbf29ce484222325", "FNV-1a of nothing (draft-eastlake-fnv-17 §5)")
        var seen: Set<Character> = []
        for number in UInt64(0)..<400 {
            fingerprint.add(number)
            #expect(UInt64(fingerprint.text, radix: 16) == fingerprint.value && fingerprint.text.utf8.count == 16)
            seen.formUnion(fingerprint.text.prefix(1))
        }
        #expect(seen.count == 16, "a first digit of every kind")
    }

    @Test func `A fingerprint tells where one text ends and the next begins`() {
        var (one, other) = (Fingerprint(), Fingerprint())
        one.add("ab")
        one.add("c")
        other.add("a")
        other.add("bc")
        #expect(one.text != other.text)
        #expect(one.text.count == 16)
    }

    @Test func `A file's fingerprint tells it from others, and from none`() {
        func fingerprint(_ path: String) -> UInt64? {
            var result = Fingerprint()
            return result.addFile(path) ? result.value : nil
        }
        #expect(fingerprint("/") == fingerprint("/."))
        #expect(fingerprint("/") != fingerprint("/proc/self/exe"))
        #expect(fingerprint("/nowhere/at/all") == nil)
    }
}
