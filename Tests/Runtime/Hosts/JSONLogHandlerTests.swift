import FunctionChannel
import FunctionService
import Glibc
import Logging
import Testing

@Suite("JSON log")
struct JSONLogHandlerTests {
    /// The lines that `body` logs.
    func lines(_ body: (Logger) -> Void) throws -> [Substring] {
        var ends: [CInt] = [0, 0]
        try #require(pipe(&ends) == 0)
        defer { close(ends[0]) }
        body(Logger(label: "server") { JSONLogHandler(label: $0, descriptor: ends[1]) })
        close(ends[1])
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 65_536)
        while case let count = read(ends[0], &buffer, buffer.count), count > 0 { bytes += buffer[..<count] }
        return String(decoding: bytes, as: UTF8.self).split(separator: "\n")
    }

    @Test("a line is one JSON object: time, level, message, logger, then the metadata by name")
    func writes() throws {
        let lines = try lines { logger in
            var logger = logger
            logger[metadataKey: "request_id"] = "abc"
            logger.info("request", metadata: ["status": "200", "duration_ms": "1.25", "function": "create-agent"])
        }
        let line = try #require(lines.first)
        #expect(line.hasPrefix(#"{"time":"20"#))
        let ours = #""level":"info","message":"request","logger":"server","#
        let metadata = #""duration_ms":1.25,"function":"create-agent","request_id":"abc","status":200}"#
        #expect(line.hasSuffix(ours + metadata))
    }

    @Test("what a caller sends cannot end a line or stand for a member of ours")
    func escapes() throws {
        let lines = try lines { $0.error("a\n\"b\"\u{2028}", metadata: ["level": "debug\r\n{}", "n": "\u{0}"]) }
        #expect(lines.count == 1)
        #expect(lines[0].contains(#""message":"a\n\"b\"\u2028""#))
        #expect(lines[0].contains(#""metadata_level":"debug\r\n{}","n":"\u0000""#))
    }

    @Test("levels below the handler's are left out")
    func levels() throws {
        #expect(try lines { $0.debug("no") }.isEmpty)
    }

    @Test("a line too long is cut to one that is still JSON")
    func cutsLong() throws {
        let lines = try lines { $0.info("\(String(repeating: "\"x", count: 5_000))") }
        #expect(lines.count == 1)
        #expect(lines[0].utf8.count < 4_096)
        #expect(lines[0].hasPrefix(#"{"level":"warning","message":"a log line was too long","line":"{time:"#))
        #expect(lines[0].hasSuffix(#""}"#))
    }

    @Test("a reader that has stopped holds nobody up, and is told later what it missed")
    func drops() throws {
        var ends: [CInt] = [0, 0]
        try #require(pipe(&ends) == 0)
        defer { for end in ends { close(end) } }
        let logger = Logger(label: "server") { JSONLogHandler(label: $0, descriptor: ends[1]) }
        for _ in 0..<1_000 { logger.info("\(String(repeating: "x", count: 1_000))") }
        var buffer = [UInt8](repeating: 0, count: 1_048_576)
        let before = read(ends[0], &buffer, buffer.count)
        let kept = buffer[..<before].count { $0 == UInt8(ascii: "\n") }
        logger.info("after")
        let after = read(ends[0], &buffer, buffer.count)
        let text = String(decoding: buffer[..<max(0, after)], as: UTF8.self)
        #expect(kept < 1_000)
        #expect(text.hasPrefix(#"{"level":"warning","message":"log lines dropped","count":\#(1_000 - kept)}"# + "\n"))
        #expect(text.hasSuffix(#""message":"after","logger":"server"}"# + "\n"))
    }
}

@Suite("UTC time")
struct UTCTimeTests {
    @Test(
        "seconds since 1970 are this moment",
        arguments: [
            (0, "1970-01-01T00:00:00.000Z", "Thu, 01 Jan 1970 00:00:00 GMT"),
            (784_111_777, "1994-11-06T08:49:37.000Z", "Sun, 06 Nov 1994 08:49:37 GMT"),
            (951_782_400, "2000-02-29T00:00:00.000Z", "Tue, 29 Feb 2000 00:00:00 GMT"),
            (1_709_251_199, "2024-02-29T23:59:59.000Z", "Thu, 29 Feb 2024 23:59:59 GMT"),
            (4_107_542_400, "2100-03-01T00:00:00.000Z", "Mon, 01 Mar 2100 00:00:00 GMT"),
            (-1, "1969-12-31T23:59:59.000Z", "Wed, 31 Dec 1969 23:59:59 GMT"),
        ])
    func formats(_ seconds: Int, _ iso8601: String, _ httpDate: String) {
        #expect(UTCTime(secondsSince1970: seconds).iso8601 == iso8601)
        #expect(UTCTime(secondsSince1970: seconds).httpDate == httpDate)
    }
}
