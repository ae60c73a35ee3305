import FunctionCore
import Glibc
import Testing

/// What real web servers said of the same five requests, in Tests/Fixtures/gateway-variables.
@Suite struct RecordedVariablesTests {
    static let servers = [
        "apache-cgid", "apache-fcgid", "apache-proxy-fcgi", "haproxy", "lighttpd-cgi", "lighttpd-fastcgi",
        "nginx-fastcgi", "nginx-fcgiwrap",
    ]

    /// By what the caller sent.
    static let expected = [
        "GET /api/agent/a%20b%C3%BC/webhook?x=1&y=%2F": ("/api/agent/a bü/webhook", "x=1&y=%2F"),
        "GET /api/usage-report?": ("/api/usage-report", ""),
        "GET //api///usage-report?a+b": ("/api/usage-report", "a+b"),
        "GET /api/usage-report/": ("/api/usage-report/", ""),
        "POST /api/create-agent": ("/api/create-agent", ""),
    ]

    struct Recording {
        var request: String
        var variables: [(String, String)] = []
    }

    private func recordings(_ server: String) throws -> [Recording] {
        var recordings: [Recording] = []
        for line in try fixture("gateway-variables/\(server).txt").split(separator: "\n") where !line.hasPrefix("#") {
            if line.hasPrefix("> ") {
                recordings.append(Recording(request: String(line.dropFirst(2))))
            } else {
                let pair = line.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
                try #require(pair.count == 2 && !recordings.isEmpty, "\(line)")
                recordings[recordings.count - 1].variables.append((String(pair[0]), String(pair[1])))
            }
        }
        return recordings
    }

    @Test("The same request has the same path, query, fields and body length behind every server", arguments: servers)
    func sameRequest(_ server: String) throws {
        let recordings = try recordings(server)
        #expect(recordings.count == Self.expected.count)
        for recording in recordings {
            let (path, query) = try #require(Self.expected[recording.request])
            let head = try GatewayVariables(recording.variables).requestHead()
            #expect(head.target.path == path)
            #expect(head.target.query.raw == query)
            #expect("\(head.method.rawValue)" == recording.request.prefix { $0 != " " })
            #expect(head.fields[.authorization] == "Bearer t")
            #expect(head.fields[.proxy] == nil)
            #expect(head.clientAddress == "127.0.0.1")
            #expect(try head.contentLength() ?? 0 == (head.method == .post ? 5 : 0))
        }
    }

    @Test("No other reading of a request is another path of ours", arguments: servers)
    func noOtherReading(_ server: String) throws {
        for recording in try recordings(server) {
            let head = try GatewayVariables(recording.variables).requestHead()
            for other in head.otherTargets { #expect(other.path == head.target.path) }
        }
    }
}

/// The text of a file in Tests/Fixtures.
private func fixture(_ name: String) throws -> String {
    let folder = #filePath.split(separator: "/").dropLast(3).reduce("") { "\($0)/\($1)" } + "/Fixtures"
    let file = try #require(fopen("\(folder)/\(name)", "r"), "\(name) is there")
    defer { fclose(file) }
    var bytes = [UInt8](repeating: 0, count: 64 * 1_024)
    let count = fread(&bytes, 1, bytes.count, file)
    return String(decoding: bytes.prefix(count), as: UTF8.self)
}
