import DevHost

/// One run of wrk (github.com/wg/wrk): as many requests as a number of connections can make.
struct Wrk {
    var connections: Int
    var seconds: Int
    var fields: [String: String]

    struct Result {
        var requestsPerSecond: Double
        var requests: Double
    }

    /// - Throws: ``BenchError`` when an answer was not a success, or the program failed.
    func run(_ url: String) async throws -> Result {
        let arguments = ["wrk", "-t2", "-c\(connections)", "-d\(seconds)s", "--timeout", "10s"]
        let headers = fields.flatMap { ["-H", "\($0.key): \($0.value)"] }
        let (status, text) = try await Command(
            "/usr/bin/env", arguments + headers + [url], environment: Command.plainEnvironment()
        ).output()
        guard status.isSuccess, let rate = Self.number(after: "Requests/sec:", in: text),
            let requests = Self.number(before: "requests in", in: text)
        else { throw BenchError("wrk failed (\(status)):\n\(text)") }
        guard !text.contains("Non-2xx"), !text.contains("Socket errors") else {
            throw BenchError("not all requests to \(url) succeeded:\n\(text)")
        }
        return Result(requestsPerSecond: rate, requests: requests)
    }

    private static func number(after word: String, in text: String) -> Double? {
        line(with: word, in: text)?.split(separator: " ").last.flatMap { Double($0) }
    }

    private static func number(before word: String, in text: String) -> Double? {
        line(with: word, in: text)?.split(separator: " ").first.flatMap { Double($0) }
    }

    private static func line(with word: String, in text: String) -> Substring? {
        text.split(separator: "\n").first { $0.contains(word) }
    }
}
