import CGIHost
import FunctionCore
import FunctionTesting
import Testing

@Suite struct CGIHostTests {
    private let binary = (0..<100_000).map { UInt8(truncatingIfNeeded: $0 &* 31) }

    @Test(
        "The body is exactly CONTENT_LENGTH bytes, however they arrive", arguments: [0, 1, 65_535, 65_536, 100_000],
        [1, 3_000, .max])
    func wholeBody(length: Int, pieceSize: Int) async {
        guard length / pieceSize < 5_000 else { return }
        let body = Array(binary.prefix(length))
        let input = MemoryInput(body + Array("left alone".utf8), pieceSize: pieceSize)
        let (output, complete) = await cgi(
            environment("POST", "/api/reverse", ["CONTENT_LENGTH": "\(length)"]), input: input)
        #expect(complete)
        #expect(output.status == "200 OK")
        #expect(output.body == body.reversed())
        #expect(output.values(of: "Content-Length") == ["\(length)"])
        #expect(input.unread == 10)
    }

    @Test(
        "A CONTENT_LENGTH that is no number is refused unread",
        arguments: ["-1", "+5", "0x5", "5.0", "5 5", "5,5", "five", "99999999999999999999999", "٣", "5\n"])
    func badContentLength(text: String) async {
        let input = MemoryInput(Array("hello".utf8))
        let (output, _) = await cgi(environment("POST", "/api/reverse", ["CONTENT_LENGTH": text]), input: input)
        #expect(output.status == "400 Bad Request")
        #expect(output.text.contains("invalid_content_length"))
        #expect(input.unread == 5)
    }

    @Test(arguments: ["300001", "9223372036854775807"])
    func `A body over the route's limit is refused, and taken so that the web server is rid of it`(length: String) async
    {
        let input = MemoryInput(binary + binary + binary + binary)
        let (output, complete) = await cgi(
            environment("POST", "/api/reverse", ["CONTENT_LENGTH": length]), input: input)
        #expect(complete)
        #expect(output.status == "413 Content Too Large")
        #expect(input.unread == max(0, 400_000 - (Int(length) ?? 0)))
    }

    @Test func `No more than two megabytes are thrown away`() async {
        let input = MemoryInput([UInt8](repeating: 7, count: 3_000_000))
        let (output, _) = await cgi(environment("POST", "/nowhere", ["CONTENT_LENGTH": "3000000"]), input: input)
        #expect(output.status == "404 Not Found")
        #expect(input.unread == 3_000_000 - 2 * 1_024 * 1_024)
    }

    @Test func `A body shorter than declared never reaches the function`() async {
        let input = MemoryInput(Array("hell".utf8))
        let (output, _) = await cgi(environment("POST", "/api/reverse", ["CONTENT_LENGTH": "5"]), input: input)
        #expect(output.status == "400 Bad Request")
        #expect(output.text.contains("incomplete_body"))
    }

    @Test(arguments: [[:], ["CONTENT_LENGTH": ""], ["HTTP_CONTENT_LENGTH": "3"], ["HTTP_TRANSFER_ENCODING": "chunked"]])
    func `Without CONTENT_LENGTH a POST is read to its end, as Apache passes on chunks`(
        variables: [String: String]
    ) async {
        let input = MemoryInput(Array("hello".utf8), pieceSize: 2)
        let (output, _) = await cgi(environment("POST", "/api/reverse", variables), input: input)
        #expect(output.status == "200 OK")
        #expect(output.text == "olleh")
    }

    @Test func `Without CONTENT_LENGTH a POST is still held to its limit`() async {
        let input = MemoryInput([UInt8](repeating: 7, count: 300_001), pieceSize: 1_000)
        let (output, _) = await cgi(environment("POST", "/api/reverse"), input: input)
        #expect(output.status == "413 Content Too Large")
        #expect(input.unread == 0)
    }

    @Test(arguments: ["GET", "HEAD", "DELETE", "OPTIONS"])
    func `Without CONTENT_LENGTH nothing is read of a request that has no body`(method: String) async {
        let input = MemoryInput(Array("hello".utf8))
        _ = await cgi(environment(method, "/api/reverse"), input: input)
        #expect(input.unread == 5)
    }

    @Test func `CONTENT_LENGTH stands above what the caller sent as HTTP_CONTENT_LENGTH`() async {
        let variables = ["CONTENT_LENGTH": "3", "HTTP_CONTENT_LENGTH": "5"]
        let (output, _) = await cgi(
            environment("POST", "/api/reverse", variables), input: MemoryInput(Array("hello".utf8)))
        #expect(output.text == "leh")
    }

    @Test func `HEAD has the fields of GET and no body`() async {
        let (get, _) = await cgi(environment("GET", "/stream"), stream: Stream(length: 11))
        let (head, complete) = await cgi(environment("HEAD", "/stream"), stream: Stream(length: 11))
        #expect(complete)
        #expect(get.text == "onetwothree")
        #expect(head.body.isEmpty)
        #expect(head.status == get.status)
        #expect(head.values(of: "Content-Length") == ["11"])
    }

    @Test func `HEAD of nothing has no body either`() async {
        let (output, _) = await cgi(environment("HEAD", "/nowhere"))
        #expect(output.status == "404 Not Found")
        #expect(output.body.isEmpty)
    }

    @Test func `204 has neither body nor Content-Length`() async {
        let (output, complete) = await cgi(environment("GET", "/nothing"))
        #expect(complete)
        #expect(output.status == "204 No Content")
        #expect(output.body.isEmpty)
        #expect(output.values(of: "Content-Length").isEmpty)
    }

    @Test func `A stream of unknown length has no Content-Length`() async {
        let (output, complete) = await cgi(environment("GET", "/stream"))
        #expect(complete)
        #expect(output.text == "onetwothree")
        #expect(output.values(of: "Content-Length").isEmpty)
    }

    @Test(arguments: [(5, "one"), (12, "onetwothree")])
    func `A stream that is not as long as declared counts as broken`(length: Int, sent: String) async {
        let (output, complete) = await cgi(environment("GET", "/stream"), stream: Stream(length: length))
        #expect(!complete)
        #expect(output.text == sent)
    }

    @Test func `A web server that stops reading ends the stream`() async {
        let output = MemoryOutput(capacity: 600)
        let stream = Stream(pieces: Array(repeating: String(repeating: "x", count: 100), count: 1_000))
        let (_, complete) = await cgi(environment("GET", "/stream"), output: output, stream: stream)
        #expect(!complete)
        #expect(output.bytes.count < 800)
    }

    @Test(.timeLimit(.minutes(1)))
    func `A function past its deadline is cancelled and answered for`() async {
        let (output, complete) = await cgi(environment("GET", "/hang"))
        #expect(complete)
        #expect(output.status == "503 Service Unavailable")
        #expect(output.text.contains("deadline_exceeded"))
    }

    @Test(
        "A program with a function's name serves that function alone, and leads to it when the path does not",
        arguments: [
            ("/cgi-bin/reverse", "", "200 OK"),
            ("/cgi-bin/reverse", "/api/reverse", "200 OK"),
            ("/cgi-bin/reverse", "/stream", "404 Not Found"),
            ("/cgi-bin/reverse", "/elsewhere", "404 Not Found"),
            ("/cgi-bin/stream", "", "404 Not Found"),
            ("/cgi-bin/stream", "/stream", "200 OK"),
            ("/cgi-bin/callwaiting", "", "404 Not Found"),
            ("/cgi-bin/callwaiting", "/stream", "200 OK"),
        ])
    func program(script: String, pathInfo: String, status: String) async {
        let variables = [
            "SCRIPT_NAME": script, "PATH_INFO": pathInfo, GatewayVariables.program: "/usr/lib\(script)",
        ]
        let (output, _) = await cgi(environment("GET", script + pathInfo, variables))
        #expect(output.status == status)
    }

    @Test func `An environment without a method is refused`() async {
        let (output, complete) = await cgi(["GATEWAY_INTERFACE": "CGI/1.1"])
        #expect(complete)
        #expect(output.status == "400 Bad Request")
        #expect(output.values(of: "Content-Type") == ["application/problem+json"])
    }
}
