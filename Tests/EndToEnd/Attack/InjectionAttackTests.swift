import FunctionCore
import FunctionJSON
import FunctionTesting
import HTTPTypes
import Testing

@testable import callwaiting

extension EndToEnd {
    /// Texts that mean something to somebody else, in every place where a caller may write.
    @Suite struct InjectionAttackTests {
        /// SQL, shells, templates, markup, headers, paths, and what is hardly text at all.
        static let texts = [
            "'", "''", "\"", "\\", "' or '1'='1", "'; drop table public.agents; --", "') or true --",
            "1; select pg_sleep(9)",
            "$1", "$$; rollback; $$", "\\'; commit; --", "E'\\\\x00'", "%", "_", "%s%n%x", "{{7*7}}", "${7*7}", "$(id)",
            "`id`",
            "| id", "; id", "&& id", "<script>alert(1)</script>", "<!--#exec cmd=\"id\" -->",
            "\"><img src=x onerror=x>",
            "a\r\nSet-Cookie: x=1", "a\nX-Evil: 1", "a\rb", "a\u{85}b", "a\u{2028}b", "\u{0}", "a\u{0}b", "\u{FEFF}x",
            "\u{202E}txt", "\u{FFFF}", "\u{1F4A9}", "e\u{301}", "ﬀ", "../../../etc/passwd", "..\\..\\x", "/etc/passwd",
            "file:///etc/passwd", "http://169.254.169.254/", "jndi:ldap://x/a", "null", "true", "NaN", "-1", "1e999",
            "99999999999999999999", "[object Object]", "__proto__", "constructor", String(repeating: "a", count: 3_000),
            String(repeating: "é", count: 1_500),
        ]

        @Test(
            "no text does anything but be a text, in whatever field it is", arguments: [Host.inMemory, .behind(.nginx)])
        func fields(_ host: Host) async throws {
            let bed = try await TestBed.shared.value
            try await host.serve(bed) { sender in
                let person = try await Person.signUp(sender)
                let agent = try await person.createAgent()
                var tried = 0
                for text in Self.texts {
                    let json = String(decoding: try JSON.encode(JSONValue.string(text)), as: UTF8.self)
                    let inURL = PercentEncoding.encode(text)
                    let responses = [
                        try await person.post(
                            "/api/create-agent", json: #"{"name":\#(json),"systemPrompt":\#(json),"voiceId":"soft_f"}"#),
                        try await person.post(
                            "/api/create-agent", json: #"{"name":"x","systemPrompt":"y","voiceId":\#(json)}"#),
                        try await person.post("/api/create-payment-link", json: #"{"plan":\#(json)}"#),
                        try await person.post("/api/generate-voice", json: #"{"text":"x","voiceId":\#(json)}"#),
                        try await person.post(
                            "/api/agent/\(agent.agentId)/rotate-key", json: #"{"graceSeconds":\#(json)}"#),
                        try await sender.post(
                            "/api/agent/\(agent.agentId)/webhook", json: #"{"message":"x","conversationId":\#(json)}"#,
                            fields: [.agentKey: agent.apiKey]),
                        try await sender.post(
                            "/api/agent/\(inURL)/webhook", json: "{}", fields: [.agentKey: agent.apiKey]),
                        try await person.get("/api/agents/\(inURL)"),
                        try await person.get("/api/agents?after=\(inURL)&limit=\(inURL)"),
                        try await person.get("/api/payment-status?txRef=\(inURL)"),
                        try await person.get("/\(inURL)"),
                        try await sender.get("/audio/\(inURL).mp3?expires=\(inURL)&signature=\(inURL)"),
                        try await sender.post("/auth/v1/signup", json: #"{"email":\#(json),"password":\#(json)}"#),
                        try await sender.post(
                            "/auth/v1/signup",
                            json:
                                #"{"email":"i\#([UInt8].random(count: 6).hex)@example.com","password":"correct horse","data":{"full_name":\#(json),\#(json):1}}"#
                        ),
                        try await sender.post(
                            "/auth/v1/token?grant_type=password", json: #"{"email":\#(json),"password":\#(json)}"#),
                        try await sender.post(
                            "/auth/v1/token?grant_type=refresh_token", json: #"{"refresh_token":\#(json)}"#),
                        try await sender.post("/auth/v1/token?grant_type=\(inURL)", json: "{}"),
                        try await sender.post(
                            "/api/flutterwave-webhook",
                            json: #"{"event":\#(json),"data":{"tx_ref":\#(json),"id":1,"status":\#(json)}}"#,
                            fields: [.init("verif-hash")!: TestBed.secretHash]),
                    ]
                    for (index, response) in responses.enumerated() {
                        #expect(
                            response.status.kind != .serverError,
                            "\(index): \(text.prefix(40)): \(response.text.prefix(200))")
                        #expect(response.fields[.setCookie] == nil && response.fields[.init("X-Evil")!] == nil)
                    }
                    tried += responses.count
                }
                #expect(try await person.usage().plan == "trial", "everything is still there")
                #expect(try await person.ask(agent, "Hello").status.kind != .serverError)
                Effort.tried(
                    tried, "texts that mean something elsewhere, in every field and path, \(host.testDescription)")
            }
        }

        @Test("no text in a header does anything but be a text", arguments: [Host.inMemory, .behind(.nginx)])
        func headers(_ host: Host) async throws {
            let bed = try await TestBed.shared.value
            try await host.serve(bed) { sender in
                let person = try await Person.signUp(sender)
                let agent = try await person.createAgent()
                var tried = 0
                // What no client would let out: those are sent raw (RequestFuzzAttackTests).
                for text in Self.texts where text.utf8.allSatisfy({ (0x20...0x7E).contains($0) }) {
                    for (name, target) in [
                        ("Authorization", "/api/usage-report"), ("X-Workspace-Id", "/api/usage-report"),
                        ("Cookie", "/api/usage-report"), ("Origin", "/api/usage-report"), ("Range", "/audio/x.mp3"),
                        ("X-Supabase-Api-Version", "/auth/v1/user"), ("X-Forwarded-For", "/healthz"),
                        ("Host", "/healthz"), ("X-Forwarded-Host", "/healthz"), ("X-AGENT-KEY", "/api/agents"),
                    ] where !(name == "Host" && host != .inMemory) {
                        var fields: HTTPFields = [.authorization: "Bearer \(person.token)"]
                        fields[HTTPField.Name(name)!] = name == "Cookie" ? "sb-access-token=\(text)" : text
                        let response = try await sender.get(target, fields: fields)
                        #expect(response.status.kind != .serverError, "\(name): \(text)")
                        tried += 1
                    }
                }
                #expect(agent.webhookUrl.hasPrefix("http://127.0.0.1:9/"), "addresses come from PUBLIC_URL")
                Effort.tried(tried, "texts that mean something elsewhere, in header fields, \(host.testDescription)")
            }
        }

        static let paths = [
            "/audio/../../etc/passwd", "/audio/..%2f..%2fetc%2fpasswd", "/audio/%2e%2e/%2e%2e/etc/passwd",
            "/audio/%252e%252e%252fetc%252fpasswd", "/audio/..%5c..%5cetc", "/audio/%c0%ae%c0%ae/%c0%afetc",
            "/audio/%e0%80%ae%e0%80%ae/x", "/audio/%f0%80%80%ae/x", "/audio/x%00.mp3", "/audio/%0a.mp3",
            "/audio/%0d%0ax.mp3",
            "/audio//etc/passwd", "/audio/./x.mp3", "/audio/%2e/x.mp3", "/audio/....//....//etc/passwd",
            "/audio/00000000000000000000000000000000.mp3/..", "/audio/00000000000000000000000000000000%2emp3",
            "/..", "/%2e%2e", "/api/../api/usage-report", "/api/%2e%2e/api/usage-report", "/api/agents/..%2f..",
            "/api/agents/%2e%2e", "/auth/v1/../v1/user", "/%ff", "/%", "/%zz", "/%u002e", "/api/usage-report%00",
            "/api/usage-report%20", "/api/usage-report;x=1", "/api/usage-report/.", "/.env", "/.git/config",
            "/cgi-bin/../../bin/sh", "/callwaiting.env", "/proc/self/environ",
        ]

        @Test(
            "no path leads to anything but a route",
            arguments: [Host.inMemory, .http, .behind(.nginx), .behind(.lighttpdCGI)])
        func traversal(_ host: Host) async throws {
            let bed = try await TestBed.shared.value
            try await host.serve(bed) { sender in
                for path in Self.paths {
                    let status: Int
                    let text: String
                    if let http = sender as? HTTPSender {
                        // Clients tidy paths up, so this one is written by hand.
                        let connection = try RawConnection(port: http.port)
                        connection.send(Array("GET \(path) HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".utf8))
                        text = String(decoding: connection.readToEnd().bytes, as: UTF8.self)
                        status = Int(text.dropFirst(9).prefix(3)) ?? 0
                    } else {
                        let response = try await sender.get(path)
                        (status, text) = (response.status.code, response.text)
                    }
                    #expect([400, 401, 403, 404].contains(status), "\(path): \(status)")
                    #expect(!text.contains("root:"), "\(path)")
                    for secret in Setting.all.filter(\.isSecret).compactMap({ bed.settings[$0.name] }) {
                        #expect(!text.contains(secret), "\(path)")
                    }
                }
                Effort.tried(Self.paths.count, "paths that lead out, \(host.testDescription)")
            }
        }
    }
}
