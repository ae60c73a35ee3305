import FunctionCore
import Testing

@Suite struct RequestTargetTests {
    @Test(
        "A sound target is decoded once",
        arguments: [
            ("/", "/", ""),
            ("/api/create-agent", "/api/create-agent", ""),
            ("/api/create%2Dagent?a=%41&b", "/api/create-agent", "a=%41&b"),
            ("/a+b", "/a+b", ""),
            ("/%25%34%31", "/%41", ""),
            ("/caf%C3%A9", "/café", ""),
            ("/café", "/café", ""),
            ("/...", "/...", ""),
            ("/.well-known/x", "/.well-known/x", ""),
            ("/a.b/..c/d..", "/a.b/..c/d..", ""),
            ("//a///b/", "/a/b/", ""),
            ("/a?b?c", "/a", "b?c"),
            ("/a?/../b", "/a", "/../b"),
            ("/a://b", "/a:/b", ""),
            ("//", "/", ""),
            ("/a%20//%C3%A9/", "/a /é/", ""),
            ("http://example.com/a?b", "/a", "b"),
            ("HTTPS://example.com:443", "/", ""),
            ("http://example.com?b=/c", "/", "b=/c"),
        ])
    func sound(raw: String, path: String, query: String) throws {
        let target = try RequestTarget(raw)
        #expect(target.path == path)
        #expect(target.query.raw == query)
    }

    @Test(
        "A hostile target is 400 invalid_path",
        arguments: [
            "", "a", "*", "?a", "example.com:443", "ftp://example.com/a", "javascript://x/a",
            "/.", "/..", "/a/..", "/a/./b", "/../a", "/a/%2e%2E/b", "/a/.%2e", "/%2e", "/a/%2e/",
            "/a%2Fb", "/a%2f..%2f..%2fetc", "/%2f", "/a%5c..%2f",
            "/a%00", "/a\0b", "/a%0a", "/a%0d%0aX:y", "/a\r\n", "/a%7F", "/a\u{7F}", "/a?b\nc", "/a?\0",
            "/a%", "/a%2", "/a%zz", "/a%+1", "/%u0041", "/a%C3", "/a%c0%af", "/a%c0%ae%c0%ae/", "/a%e0%80%af",
            "/a%ed%a0%80", "/a%f5%80%80%80", "/a%ff", "/a\u{FFFD}", "/a%EF%BF%BD",
        ])
    func hostile(raw: String) {
        let problem = #expect(throws: Problem.self) { try RequestTarget(raw) }
        #expect(problem?.kind == .invalidPath)
    }

    @Test func `A target over the limit is 414, one at the limit is not`() throws {
        let longest = "/" + String(repeating: "a", count: RequestTarget.maximumLength - 1)
        #expect(try RequestTarget(longest).path == longest)
        let problem = #expect(throws: Problem.self) { try RequestTarget(longest + "a") }
        #expect(problem?.kind == .uriTooLong)
        let decoded = #expect(throws: Problem.self) { try RequestTarget(decodedPath: longest, query: "a") }
        #expect(decoded?.kind == .uriTooLong)
    }

    @Test func `A path that the web server decoded is not decoded again`() throws {
        #expect(try RequestTarget(decodedPath: "/a%2e%2e%2fb%zz", query: "").path == "/a%2e%2e%2fb%zz")
    }

    @Test(arguments: ["", "a", "/..", "/a/../b", "/a\n", "/a\0", "/\u{FFFD}"])
    func `A path that the web server decoded is checked all the same`(path: String) {
        #expect(throws: Problem.self) { try RequestTarget(decodedPath: path, query: "") }
    }

    @Test func `Segments lie between slashes`() throws {
        #expect(try RequestTarget("/").segments.isEmpty)
        #expect(try RequestTarget("/api/agent/7/webhook").segments == ["api", "agent", "7", "webhook"])
        #expect(try RequestTarget("/a//b/").segments == ["a", "b", ""])
    }
}

@Suite struct QueryTests {
    @Test(
        "A query's value is the first of its name, decoded as a form",
        arguments: [
            ("a=1&b=2", "b", "2"), ("a=1&a=2", "a", "1"), ("a", "a", ""), ("a=", "a", ""), ("a=b=c", "a", "b=c"),
            ("a+b=c+d", "a b", "c d"), ("%61=%62", "a", "b"), ("&&a=1&", "a", "1"), ("a=%2B%26", "a", "+&"),
            ("A=1&a=2", "a", "2"),
        ])
    func found(raw: String, name: String, value: String) {
        #expect(Query(raw: raw)[name] == value)
        #expect(Query(raw: raw).members[name] == value)
    }

    @Test(arguments: ["", "b=1", "a=%", "a=%zz", "a=%ff", "%ff=1", "=1"])
    func `What is absent or cannot be decoded is nil`(raw: String) {
        #expect(Query(raw: raw)["a"] == nil)
        #expect(Query(raw: raw).members["a"] == nil)
    }
}
