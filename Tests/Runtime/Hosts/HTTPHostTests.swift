import FunctionChannel
import FunctionCore
import FunctionService
import Testing

@Suite("HTTP host")
struct HTTPHostTests {
    @Test("a request is answered with its length, a date, and the connection stays")
    func keepsAlive() async throws {
        try await withServer(ScriptedResponder()) { server in
            try await RawClient.with(server.address(.http)) { client in
                try await client.send("GET /hello HTTP/1.1\r\nHost: a\r\n\r\n")
                let first = try await client.text(endingWith: "hello\n")
                #expect(first.hasPrefix("HTTP/1.1 200 OK\r\n"))
                #expect(first.contains("Content-Length: 6\r\n"))
                #expect(first.contains(" GMT\r\n"))
                #expect(!first.contains("Connection: close"))
                try await client.send("GET /empty HTTP/1.1\r\nHost: a\r\n\r\n")
                let both = try await client.text(endingWith: "GMT\r\n\r\n")
                #expect(both.dropFirst(first.count).hasPrefix("HTTP/1.1 204 No Content\r\n"))
                #expect(!both.dropFirst(first.count).contains("Content-Length"))
            }
        }
    }
}
