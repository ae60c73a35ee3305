import FunctionCore
import FunctionTesting
import HTTPTypes
import Testing

private struct WhereAmI: Function {
    static let name: FunctionName = "where-am-i"
    static let routes = [Route.get("/api/usage-report", caller: .anyone), .get("/api/agent/{id}", caller: .anyone)]

    func respond(to request: Request, in context: Context) async throws -> Response {
        .text("\(request.head.target.path)?\(request.query.raw)")
    }
}

@Suite struct GatewayVariablesTests {
    struct Layout: CustomTestStringConvertible {
        let testDescription: String
        var basePath = ""
        let variables: KeyValuePairs<String, String>
    }

    static let layouts = [
        Layout(
            testDescription: "Apache mod_cgi, ScriptAlias /cgi-bin/",
            variables: [
                "SCRIPT_NAME": "/cgi-bin/callwaiting", "PATH_INFO": "/api/usage-report",
                "REQUEST_URI": "/cgi-bin/callwaiting/api/usage-report?x=1", "QUERY_STRING": "x=1",
                "PATH_TRANSLATED": "/var/www/api/usage-report",
            ]),
        Layout(
            testDescription: "Apache mod_cgi, ScriptAlias of the path itself",
            variables: [
                "SCRIPT_NAME": "/api/usage-report", "REQUEST_URI": "/api/usage-report?x=1", "QUERY_STRING": "x=1",
            ]),
        Layout(
            testDescription: "Apache mod_cgi behind a rewrite",
            variables: [
                "SCRIPT_NAME": "/cgi-bin/callwaiting", "PATH_INFO": "/api/usage-report",
                "REQUEST_URI": "/report?x=1", "REDIRECT_URL": "/report", "QUERY_STRING": "x=1",
            ]),
        Layout(
            testDescription: "Apache mod_proxy_fcgi",
            variables: [
                "SCRIPT_FILENAME": "proxy:fcgi://127.0.0.1:9000/api/usage-report", "SCRIPT_NAME": "/api/usage-report",
                "REQUEST_URI": "/api/usage-report?x=1", "QUERY_STRING": "x=1",
            ]),
        Layout(
            testDescription: "Apache mod_proxy_fcgi, proxy-fcgi-pathinfo=full",
            variables: [
                "SCRIPT_NAME": "", "PATH_INFO": "/api/usage-report", "REQUEST_URI": "/api/usage-report?x=1",
                "QUERY_STRING": "x=1",
            ]),
        Layout(
            testDescription: "Apache mod_fcgid",
            variables: [
                "SCRIPT_NAME": "/fcgi/callwaiting", "PATH_INFO": "/api/usage-report",
                "REQUEST_URI": "/fcgi/callwaiting/api/usage-report?x=1", "QUERY_STRING": "x=1",
            ]),
        Layout(
            testDescription: "nginx with its stock fastcgi_params",
            variables: [
                "SCRIPT_NAME": "/api/usage-report", "REQUEST_URI": "/api/usage%2Dreport?x=1",
                "DOCUMENT_URI": "/api/usage-report", "QUERY_STRING": "x=1",
            ]),
        Layout(
            testDescription: "nginx without REQUEST_URI",
            variables: ["SCRIPT_NAME": "/api/usage-report", "QUERY_STRING": "x=1"]),
        Layout(
            testDescription: "nginx with REQUEST_URI set to $uri",
            variables: ["REQUEST_URI": "/api/usage-report", "QUERY_STRING": "x=1"]),
        Layout(
            testDescription: "lighttpd, fastcgi.server of /api",
            variables: [
                "SCRIPT_NAME": "/api", "PATH_INFO": "/usage-report", "REQUEST_URI": "/api/usage-report?x=1",
                "QUERY_STRING": "x=1", "CONTENT_LENGTH": "0",
            ]),
        Layout(
            testDescription: "lighttpd of old, without REQUEST_URI",
            variables: ["SCRIPT_NAME": "/api", "PATH_INFO": "/usage-report", "QUERY_STRING": "x=1"]),
        Layout(
            testDescription: "lighttpd, fastcgi.server of / with fix-root-scriptname",
            variables: [
                "SCRIPT_NAME": "", "PATH_INFO": "/api/usage-report", "REQUEST_URI": "/api/usage-report?x=1",
                "QUERY_STRING": "x=1",
            ]),
        Layout(
            testDescription: "below a base path", basePath: "/voice",
            variables: [
                "SCRIPT_NAME": "/voice/api/usage-report", "REQUEST_URI": "/voice/api/usage-report?x=1",
                "QUERY_STRING": "x=1",
            ]),
        Layout(
            testDescription: "below a base path, without REQUEST_URI", basePath: "/voice",
            variables: ["SCRIPT_NAME": "/voice", "PATH_INFO": "/api/usage-report", "QUERY_STRING": "x=1"]),
        Layout(
            testDescription: "a proxy's absolute form below an encoded base path", basePath: "/voice",
            variables: ["REQUEST_URI": "http://calls.example/%76oice/api/usage-report?x=1", "QUERY_STRING": "x=1"]),
    ]

    private func head(_ pairs: some Sequence<(String, String)>, basePath: String = "") throws(Problem) -> RequestHead {
        try GatewayVariables([("REQUEST_METHOD", "GET")] + Array(pairs)).requestHead(basePath: basePath)
    }

    private func answer(_ head: RequestHead) async -> String {
        guard case .exchange(let exchange) = Application.test(WhereAmI()).accept(head),
            case .bytes(let bytes) = await exchange.respond(to: []).body
        else { return "no route" }
        return String(decoding: bytes, as: UTF8.self)
    }

    @Test("Every web server's layout leads to the same route, path and query", arguments: layouts)
    func layout(_ layout: Layout) async throws {
        let head = try head(layout.variables.map { ($0.key, $0.value) }, basePath: layout.basePath)
        #expect(await answer(head) == "/api/usage-report?x=1")
    }

    @Test func `A base path ends at a segment`() async throws {
        let head = try head([("REQUEST_URI", "/voicemail/api/usage-report")], basePath: "/voice")
        #expect(head.target.path == "/voicemail/api/usage-report")
        #expect(try self.head([("REQUEST_URI", "/voice?a")], basePath: "/voice").target.path == "/")
    }

    @Test func `PATH_INFO is not decoded again`() async throws {
        let head = try head([("PATH_INFO", "/api/agent/%2e%2e")])
        #expect(await answer(head) == "/api/agent/%2e%2e?")
    }

    @Test(arguments: ["/api%2Fusage-report", "/api/../api/usage-report", "/api/usage-report%0a", "usage-report"])
    func `A hostile REQUEST_URI is refused, however sound the other variables are`(uri: String) {
        let variables = [("REQUEST_URI", uri), ("SCRIPT_NAME", "/api/usage-report")]
        let problem = #expect(throws: Problem.self) { try head(variables) }
        #expect(problem?.kind == .invalidPath)
    }

    @Test(arguments: ["", "GET /", "G\0T", "GÉT", "GET\r\nX: y"])
    func `A method that is no token is refused`(method: String) {
        let variables = GatewayVariables([("REQUEST_METHOD", method), ("REQUEST_URI", "/")])
        let problem = #expect(throws: Problem.self) { try variables.requestHead() }
        #expect(problem?.kind == .malformedRequest)
    }

    @Test func `Without any path there is no request`() {
        #expect(throws: Problem.self) { try head([]) }
    }

    private func fields(_ pairs: [(String, String)]) throws(Problem) -> HTTPFields {
        try head([("REQUEST_URI", "/")] + pairs).fields.all
    }

    @Test func `Variables become fields`() throws {
        let fields = try fields([
            ("HTTP_X_AGENT_KEY", "agt_1"), ("HTTP_AUTHORIZATION", "Bearer x"), ("HTTP_COOKIE", "a=1; b=2"),
            ("CONTENT_TYPE", "application/json"), ("CONTENT_LENGTH", "7"), ("SERVER_NAME", "x"), ("HTTPS", "on"),
            ("HTTP_EMPTY", ""), ("HTTP_", "nameless"),
        ])
        #expect(fields[.init("X-Agent-Key")!] == "agt_1")
        #expect(fields[.authorization] == "Bearer x")
        #expect(fields[.cookie] == "a=1; b=2")
        #expect(fields[.contentType] == "application/json")
        #expect(fields[.contentLength] == "7")
        #expect(
            Set(fields.map(\.name.canonicalName))
                == ["x-agent-key", "authorization", "cookie", "content-type", "content-length"])
    }

    @Test func `A Proxy field never arrives (httpoxy)`() throws {
        #expect(try fields([("HTTP_PROXY", "http://evil.example")]).isEmpty)
        let head = RequestHead(
            method: .get, target: try RequestTarget("/"), fields: [.proxy: "http://evil.example"])
        #expect(head.fields[.proxy] == nil)
    }

    @Test func `Apache's hidden Authorization counts when there is no other`() throws {
        #expect(try fields([("REDIRECT_HTTP_AUTHORIZATION", "Bearer hidden")])[.authorization] == "Bearer hidden")
        let both = [("REDIRECT_HTTP_AUTHORIZATION", "Bearer hidden"), ("HTTP_AUTHORIZATION", "Bearer x")]
        #expect(try fields(both)[.authorization] == "Bearer x")
    }

    @Test func `What a caller sent as HTTP_CONTENT_LENGTH or HTTP_CONTENT_TYPE does not count`() throws {
        let sent = [("HTTP_CONTENT_LENGTH", "99"), ("HTTP_CONTENT_TYPE", "text/evil")]
        #expect(try fields(sent).isEmpty)
        let both = try fields(sent + [("CONTENT_LENGTH", "3"), ("CONTENT_TYPE", "application/json")])
        #expect(both[.contentLength] == "3")
        #expect(both[.contentType] == "application/json")
    }

    @Test(arguments: ["-1", "1 ", " 1", "+1", "1,1", "0x1", "99999999999999999999", "one"])
    func `A CONTENT_LENGTH that is no number is refused`(text: String) {
        let problem = #expect(throws: Problem.self) { try fields([("CONTENT_LENGTH", text)]) }
        #expect(problem?.kind == .invalidContentLength)
    }

    @Test func `More fields than the bound are 431, and a cookie of many parts is one field`() throws {
        let most = (0..<GatewayVariables.maximumFields).map { ("HTTP_X_\($0)", "x") }
        #expect(try fields(most).count == GatewayVariables.maximumFields)
        let problem = #expect(throws: Problem.self) { try fields(most + [("HTTP_ONE_MORE", "x")]) }
        #expect(problem?.kind == .headersTooLarge)
        #expect(try fields([("HTTP_COOKIE", String(repeating: "; ", count: 70_000))]).count == 1)
    }

    @Test func `Of a variable given twice the first stands, also when it is empty`() throws {
        let variables = [
            ("HTTP_X_AGENT_KEY", "first"), ("HTTP_X_AGENT_KEY", "second"), ("HTTP_X_REAL_IP", ""),
            ("HTTP_X_REAL_IP", "spoofed"), ("REMOTE_ADDR", "192.0.2.1"), ("REMOTE_ADDR", "203.0.113.9"),
        ]
        let head = try head([("REQUEST_URI", "/")] + variables)
        #expect(head.fields[.init("X-Agent-Key")!] == "first")
        #expect(head.fields[.init("X-Real-Ip")!] == nil)
        #expect(head.clientAddress == "192.0.2.1")
    }

    @Test func `What a caller puts before a proxy's X-Forwarded-For is not who calls`() throws {
        let variables = [
            ("REQUEST_METHOD", "GET"), ("REQUEST_URI", "/"), ("REMOTE_ADDR", "127.0.0.1"),
            ("HTTP_X_FORWARDED_FOR", "10.9.3.1"), ("HTTP_X_FORWARDED_FOR", "192.0.2.7"),
        ]
        let proxies = try #require(TrustedProxies(["127.0.0.1"]))
        #expect(try GatewayVariables(variables).requestHead(proxies).clientAddress == "192.0.2.7")
    }

    @Test(arguments: [
        "HTTP_X-AGENT-KEY", "HTTP_x_agent_key", "HTTP_X_AGENT_KEY ", "HTTP_X.AGENT_KEY", "http_x_agent_key",
    ])
    func `A name that no web server makes is no second way to say a field`(name: String) throws {
        for order in [
            [("HTTP_X_AGENT_KEY", "real"), (name, "spoofed")], [(name, "spoofed"), ("HTTP_X_AGENT_KEY", "real")],
        ] {
            let fields = try fields(order)
            #expect(fields[.init("X-Agent-Key")!] == "real")
            #expect(fields.count == 1)
        }
    }

    @Test(arguments: ["a\r\nSet-Cookie: b", "a\nb", "a\0b", "\u{1}"])
    func `A field with a control character is refused`(value: String) {
        let problem = #expect(throws: Problem.self) { try fields([("HTTP_X_AGENT_KEY", value)]) }
        #expect(problem?.kind == .malformedRequest)
    }
}

@Suite struct GatewayResponseTests {
    private func head(_ response: Response) -> String {
        String(decoding: GatewayResponse.head(of: response), as: UTF8.self)
    }

    @Test func `The head is Status, the fields, the length and a blank line`() {
        let response = Response(
            status: .created, fields: [.contentType: "application/json", .location: "/a"], body: .bytes([1, 2, 3]))
        #expect(
            head(response)
                == "Status: 201 Created\r\nContent-Type: application/json\r\nLocation: /a\r\nContent-Length: 3\r\n\r\n")
    }

    @Test func `Framing that a function sets is replaced`() {
        let fields: HTTPFields = [
            .contentLength: "99", .transferEncoding: "chunked", .connection: "close", .init("Keep-Alive")!: "5",
        ]
        #expect(
            head(Response(status: .ok, fields: fields, body: .bytes([1])))
                == "Status: 200 OK\r\nContent-Length: 1\r\n\r\n")
    }

    @Test(arguments: [HTTPResponse.Status.noContent, .notModified])
    func `A status without a body has no length`(status: HTTPResponse.Status) {
        #expect(!head(Response(status: status)).contains("Content-Length"))
    }

    @Test func `A field cannot end the line it is on`() {
        let fields: HTTPFields = [.init("X-Name")!: "a\r\nSet-Cookie: b\0c"]
        let lines = head(Response(status: .init(code: 200, reasonPhrase: "a\r\nb"), fields: fields)).split(
            separator: "\r\n")
        #expect(lines.count == 3)
        #expect(!lines.contains { $0.hasPrefix("Set-Cookie") })
    }

    @Test func `Repeated fields stay apart`() {
        var fields = HTTPFields()
        fields.append(HTTPField(name: .setCookie, value: "a=1"))
        fields.append(HTTPField(name: .setCookie, value: "b=2"))
        #expect(head(Response(status: .ok, fields: fields)).contains("Set-Cookie: a=1\r\nSet-Cookie: b=2\r\n"))
    }
}
