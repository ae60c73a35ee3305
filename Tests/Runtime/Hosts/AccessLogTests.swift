import FunctionCore
import FunctionJSON
import FunctionService
import Glibc
import HTTPTypes
import Testing

@Suite("Access log")
struct AccessLogTests {
    /// Serves with an access log in a file of its own, and returns its lines once all is written, which should be so
    /// many: closing the log waits for them, but not for as long as a busy machine may take.
    private func lines(
        _ format: AccessLogFormat = .combined, expecting count: Int = 1,
        _ body: (TestServer, AccessLog, String) async throws -> Void
    ) async throws -> [String] {
        let path = temporaryPath()
        defer { unlink(path) }
        let log = try AccessLog(.file(path: path), format, logger: .silent)
        try await withServer(ScriptedResponder(), configure: { $0.accessLog = log }) { server in
            try await body(server, log, path)
        }
        try await eventually { try read(path).count >= count }
        await log.close()
        #expect(mode(of: path).map { $0 & 0o007 } == 0)
        return try read(path)
    }

    private func read(_ path: String) throws -> [String] {
        let file = try #require(fopen(path, "r"))
        defer { fclose(file) }
        var bytes = [UInt8](repeating: 0, count: 100_000)
        let count = fread(&bytes, 1, bytes.count, file)
        return String(decoding: bytes.prefix(count), as: UTF8.self).split(separator: "\n").map(String.init)
    }

    @Test("a line is in combined format, and the query is not in it", arguments: Transport.allCases)
    func combined(_ transport: Transport) async throws {
        let lines = try await lines { server, _, _ in
            _ = try await transport.send("GET", "/bytes/7?signature=secret", to: server)
        }
        let line = try #require(lines.first)
        let form =
            #/(127\.0\.0\.1|-) - - \[\d\d/\w{3}/\d{4}:\d\d:\d\d:\d\d \+0000\] "GET /bytes/7 HTTP/1\.1" 200 7 "-" "-" \d+ [0-9a-f]{32} - (http|fastcgi) complete -/#
        #expect(lines.count == 1)
        #expect(line.wholeMatch(of: form) != nil, "\(line)")
        #expect(line.contains(" \(transport.wireProtocol.rawValue) "))
    }

    @Test("a broken stream, a refusal and an unreadable request are told apart")
    func endings() async throws {
        let lines = try await lines(expecting: 3) { server, _, _ in
            _ = try await Transport.http.send("GET", "/broken", to: server)
            _ = try await Transport.http.send("POST", "/echo", declaring: 2_000, to: server)
            _ = try await Transport.http.send("GET", "/..", to: server)
        }
        #expect(lines.count == 3)
        #expect(lines[0].contains(#"" 200 5 ""#) && lines[0].hasSuffix(" http broken -"))
        #expect(lines[1].contains(#"" 413 "#) && lines[1].hasSuffix(" complete body_too_large"))
        #expect(lines[2].contains(#"] "-" 400 "#))
    }

    @Test("nothing that a caller sends can end a line, or a field of it")
    func injection() async throws {
        let lines = try await lines { server, _, _ in
            try await RawClient.with(server.address(.http)) { client in
                try await client.send(
                    "GET /hello/%22%20x%C3%A9%E2%80%A8%25 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n"
                        + "User-Agent: a\"b\\c\u{e9}\t\r\nReferer: http://a/b?key=secret\r\n\r\n")
                _ = try await client.bytesUntilEnd()
            }
        }
        let line = try #require(lines.first)
        #expect(lines.count == 1)
        #expect(line.contains(#""GET /hello/%22%20x%C3%A9%E2%80%A8%25 HTTP/1.1""#), "\(line)")
        #expect(line.contains(#""a\x22b\x5cc\xc3\xa9"#), "\(line)")
        #expect(line.contains(#""http://a/b""#))
        #expect(!line.contains("secret"))
    }

    @Test("a JSON line is an object with numbers where numbers are")
    func json() async throws {
        let lines = try await lines(.json) { server, _, _ in
            _ = try await Transport.http.send("GET", "/hello?secret", to: server)
        }
        let line = try JSONValue(parsing: Array(try #require(lines.first).utf8))
        #expect(line["status"]?.integer == 200)
        #expect(line["bytes"]?.integer == 6)
        #expect(line["duration_us"]?.integer != nil)
        #expect(line["path"]?.text == "/hello")
        #expect(line["ending"]?.text == "complete")
        #expect(line["time"]?.text?.hasSuffix("Z") == true)
    }

    @Test("after a rotation lines go to a new file, and none is lost")
    func reopens() async throws {
        let rotated = temporaryPath()
        defer { unlink(rotated) }
        let lines = try await lines { server, log, path in
            _ = try await Transport.http.send("GET", "/hello/1", to: server)
            try await eventually { try read(path).count == 1 }
            #expect(rename(path, rotated) == 0)
            log.reopen()
            try await eventually { mode(of: path) != nil }
            _ = try await Transport.http.send("GET", "/hello/2", to: server)
        }
        #expect(try read(rotated).map { $0.contains("/hello/1 ") } == [true])
        #expect(lines.map { $0.contains("/hello/2 ") } == [true])
    }

    @Test("SIGUSR1 opens it again, and ends nothing")
    func signal() async throws {
        let path = temporaryPath()
        let log = try AccessLog(.file(path: path), .combined, logger: .silent)
        let configure: (inout Server.Configuration) -> Void = {
            $0.accessLog = log
            $0.handlesSignals = true
        }
        try await withServer(ScriptedResponder(), configure: configure) { server in
            unlink(path)
            kill(getpid(), SIGUSR1)
            try await eventually { mode(of: path) != nil }
            try await expectHello(server)
        }
        await log.close()
        unlink(path)
    }

    @Test("a file that cannot be opened is said at once; one that cannot be reopened leaves the old one")
    func failures() async throws {
        #expect(throws: ServerError.self) { try AccessLog(.file(path: "/nowhere/log"), .combined, logger: .silent) }
        let directory = temporaryPath()
        #expect(mkdir(directory, 0o700) == 0)
        let path = directory + "/log"
        let log = try AccessLog(.file(path: path), .combined, logger: .silent)
        try await withServer(ScriptedResponder(), configure: { $0.accessLog = log }) { server in
            let moved = temporaryPath()
            #expect(rename(directory, moved) == 0)
            log.reopen()
            _ = try await Transport.http.send("GET", "/hello", to: server)
            try await eventually { try read(moved + "/log").count == 1 }
            unlink(moved + "/log")
            rmdir(moved)
        }
        await log.close()
        #expect(log.droppedLines == 0)
    }

    @Test("when nobody takes the lines, requests go on, and what finds no room is counted")
    func dropsLines() async throws {
        let pipe = temporaryPath()
        #expect(mkfifo(pipe, 0o600) == 0)
        let reader = open(pipe, O_RDWR | O_NONBLOCK)
        defer { unlink(pipe) }
        let log = try AccessLog(.file(path: pipe), .combined, logger: .silent)
        try await withServer(ScriptedResponder(), configure: { $0.accessLog = log }) { server in
            try await RawClient.with(server.address(.http)) { client in
                // More than the pipe takes, than may wait, and than the log may have taken from there before, all
                // together; answered all the same.
                let request = "GET /missing HTTP/1.1\r\nHost: a\r\n\r\n"
                for _ in 0..<80 { try await client.send(String(repeating: request, count: 500)) }
                try await eventually { log.droppedLines > 0 }
            }
        }
        close(reader)
        await log.close()
    }
}
