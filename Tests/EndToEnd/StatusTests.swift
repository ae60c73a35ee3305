import DevHost
import FoundationEssentials
import FunctionJSON
import FunctionTesting
import Testing
import WebServers

@testable import callwaiting

extension EndToEnd {
    /// The status pages of the real programs, and the access log.
    @Suite struct StatusTests {
        /// Starts `callwaiting` with a status page, and runs `body` with who asks for it.
        private func withProgram(
            _ arguments: [String], _ changes: [String: String] = [:], _ body: (HTTPSender) async throws -> Void
        ) async throws {
            let bed = try await TestBed.shared.value
            let port = try freePort()
            let program = try bed.supervisor.start(
                "status",
                Command(
                    TestBed.program("callwaiting"), arguments + ["--admin", "127.0.0.1:\(port)"],
                    environment: bed.environment(changes)))
            let page = HTTPSender(baseURL: "http://127.0.0.1:\(port)", client: bed.client)
            do {
                try await page.waitUntilReady("/healthz")
                try await body(page)
            } catch {
                await program.stop()
                throw error
            }
            await program.stop()
        }

        @Test("a server's page knows its requests and its database, and its access log has a line for each")
        func server() async throws {
            let bed = try await TestBed.shared.value
            let port = try freePort()
            let log = "\(bed.directory)/access-\(port).log"
            let arguments = ["http", "--listen", "127.0.0.1:\(port)"]
            try await withProgram(arguments, ["ACCESS_LOG": log, "ACCESS_LOG_FORMAT": "json"]) { page in
                let server = HTTPSender(baseURL: "http://127.0.0.1:\(port)", client: bed.client)
                try await server.waitUntilReady()
                let status = try await page.get("/status?format=json").json
                #expect(status["program"]?.text == "callwaiting")
                #expect(status["database_transactions"]?[0]?["lane"]?.text == "fast")
                var metrics = ""
                let parts = [
                    #"callwaiting_requests_total{function="health",status="2xx"}"#,
                    #"callwaiting_database_connections{lane="fast"} 1"# + "\n",
                ]
                // A request is counted when it has ended, which may be a moment after its answer arrived.
                #expect(
                    try await eventually {
                        metrics = try await page.get("/metrics").text
                        return parts.allSatisfy(metrics.contains)
                    }, "\(metrics)")
                let secrets = Setting.all.filter(\.isSecret).compactMap { bed.settings[$0.name] }
                let text = try await page.get("/status?full").text
                #expect(!secrets.contains { text.contains($0) || metrics.contains($0) })
            }
            let lines = String(decoding: FileManager.default.contents(atPath: log) ?? Data(), as: UTF8.self)
            let line = try JSONValue(parsing: Array((lines.split(separator: "\n").last ?? "").utf8))
            #expect(line["path"]?.text == "/readyz")
            #expect(line["function"]?.text == "health")
        }

        @Test("a worker's page knows its jobs and what waits for them")
        func worker() async throws {
            try await withProgram(["worker", "--interval", "1"]) { page in
                // A moment later: other tests may have left it something, and its first look takes the database's time.
                let isIdle = try await eventually {
                    let metrics = try await page.get("/metrics").text
                    return metrics.contains("callwaiting_backlog_known 1\n")
                        && metrics.contains("callwaiting_payment_events_due 0\n")
                }
                #expect(isIdle)
            }
        }
    }
}
