import HTTPTypes
import Logging
import Testing
import WebClient

@Suite("WebClient: answers it takes")
struct SendTests {
    @Test("pass - 200 with a body")
    func wholeBody() async throws {
        try await withServer { connection in
            while connection.receive() != nil {
                connection.send("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX-Seen: a\r\nX-Seen: b\r\n\r\nhello")
            }
        } _: { server, client in
            let response = try await client.send(request(server.url("/path?query")))
            #expect(response.status == .ok)
            #expect(response.body == Array("hello".utf8))
            #expect(response.fields[values: HTTPField.Name("X-Seen")!] == ["a", "b"])
            #expect(server.requests.first?.head.hasPrefix("GET /path?query HTTP/1.1\r\n") == true)
        }
    }
}
