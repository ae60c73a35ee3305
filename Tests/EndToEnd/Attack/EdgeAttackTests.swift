import Foundation
import FunctionCore
import FunctionTesting
import HTTPTypes
import Testing

@testable import callwaiting

extension EndToEnd {
    /// What browsers, and whoever steals a link, get from the edges.
    @Suite struct EdgeAttackTests {
        /// Every kind of answer: good and bad, of a function, of the router and of the host.
        private func everyAnswer(
            _ person: Person, _ agent: Person.Agent, _ fields: HTTPFields
        ) async throws -> [TestResponse] {
            let sender = person.sender
            var signedIn = fields
            signedIn[.authorization] = "Bearer \(person.token)"
            var responses = [
                try await sender.get("/healthz", fields: fields), try await sender.get("/readyz", fields: fields),
                try await sender.get("/nowhere", fields: fields), try await sender.get("/%C3%28", fields: fields),
                try await sender.get("/api/usage-report", fields: fields),
                try await sender.get("/api/usage-report", fields: signedIn),
                try await sender.get("/api/create-agent", fields: signedIn),
                try await sender.get("/auth/v1/user", fields: signedIn),
                try await sender.get("/audio/x.mp3", fields: fields),
                try await sender.post("/api/create-agent", json: "{", fields: signedIn),
                try await sender.post("/api/create-agent", json: "{}", fields: signedIn),
                try await sender.post("/auth/v1/signup", json: "{}", fields: fields),
                try await sender.post(
                    "/api/create-agent", json: #"{"x":"\#(String(repeating: "x", count: 70_000))"}"#, fields: signedIn),
                try await sender.send(TestRequest(.options, "/api/create-agent", fields: fields)),
                try await sender.send(TestRequest(.head, "/healthz", fields: fields)),
            ]
            let answer = try await person.ask(agent, "What are your business hours?").decode(Person.Answer.self)
            responses.append(
                try await sender.get(String(answer.audioUrl.dropFirst("http://127.0.0.1:9".count)), fields: fields))
            return responses
        }

        @Test("every answer says that it is what it says, and that it may not be framed", arguments: Host.kinds)
        func securityFields(_ host: Host) async throws {
            let bed = try await TestBed.shared.value
            try await host.serve(bed) { sender in
                let person = try await Person.signUp(sender)
                let responses = try await everyAnswer(person, try await person.createAgent(), [:])
                for (index, response) in responses.enumerated() {
                    // What the web server refuses by itself is the web server's.
                    guard host == .inMemory || host == .http || response.fields[.requestID] != nil else { continue }
                    #expect(response.fields[.xContentTypeOptions] == "nosniff", "\(index)")
                    #expect(
                        response.fields[.contentSecurityPolicy] == "default-src 'none'; frame-ancestors 'none'",
                        "\(index)")
                    #expect(response.fields[.cacheControl] != nil, "\(index)")
                    #expect(response.fields[.requestID]?.count == 32, "\(index)")
                    #expect(response.fields[.server]?.contains("callwaiting") != true)
                }
                Effort.tried(responses.count, "answers with all security fields, \(host.testDescription)")
            }
        }

        @Test(
            "only the front end's origin is let in, by name, on every answer",
            arguments: [Host.inMemory, .behind(.nginx)])
        func cors(_ host: Host) async throws {
            let bed = try await TestBed.shared.value
            let strangers = [
                "https://evil.example", "null", "https://app.example.evil.example", "http://app.example",
                "https://app.example:444", "https://APP.example", "https://app.example/", "https://xapp.example", "*",
                "https://app.example https://evil.example",
            ]
            try await host.serve(bed) { sender in
                let person = try await Person.signUp(sender)
                let agent = try await person.createAgent()
                var tried = 0
                for origin in ["https://app.example"] + strangers {
                    let responses = try await everyAnswer(person, agent, [.origin: origin])
                    for (index, response) in responses.enumerated() where response.fields[.requestID] != nil {
                        let allowed = response.fields[.accessControlAllowOrigin]
                        // The host alone answers what never became a request, and knows no origin then.
                        let isOurs = origin == "https://app.example" && index != 3
                        #expect(allowed == (isOurs ? origin : nil), "\(origin), \(index)")
                        #expect((response.fields[.accessControlAllowCredentials] == "true") == isOurs)
                        if index != 3 {
                            #expect(response.fields[values: .vary].joined().contains("Origin"), "\(index)")
                        }
                        tried += 1
                    }
                    let preflight = try await sender.send(
                        TestRequest(
                            .options, "/api/agents/00000000-0000-4000-8000-000000000000",
                            fields: [.origin: origin, .accessControlRequestMethod: "DELETE"]))
                    let methods = preflight.fields[.accessControlAllowMethods] ?? ""
                    #expect(methods.contains("DELETE") == (origin == "https://app.example"))
                    #expect(!methods.contains("*"))
                }
                Effort.tried(tried, "answers to origins of all kinds, \(host.testDescription)")
            }
        }

        @Test("with a cookie alone, only the front end's pages change anything")
        func crossSite() async throws {
            let bed = try await TestBed.shared.value
            let assembly = try await bed.assembly()
            let sender = TestClient(assembly.application)
            let person = try await Person.signUp(sender)
            let agent = try await person.createAgent()
            let requests: [(HTTPRequest.Method, String, String)] = [
                (.post, "/api/create-agent", #"{"name":"x","systemPrompt":"y","voiceId":"soft_f"}"#),
                (.patch, "/api/agents/\(agent.agentId)", #"{"name":"x"}"#),
                (.delete, "/api/agents/\(agent.agentId)", ""),
                (.post, "/api/agent/\(agent.agentId)/rotate-key", "{}"), (.post, "/auth/v1/logout", ""),
                (.post, "/api/create-payment-link", #"{"plan":"basic"}"#),
                (.post, "/api/generate-voice", #"{"text":"x","voiceId":"soft_f"}"#),
            ]
            let pages: [HTTPFields] = [
                [:], [.origin: "https://evil.example"], [.origin: "null"], [.init("Sec-Fetch-Site")!: "cross-site"],
                [.init("Sec-Fetch-Site")!: "same-site"], [.init("Sec-Fetch-Site")!: "none"],
                [.referer: "https://app.example/"],
                [.origin: "https://evil.example", .init("Sec-Fetch-Site")!: "same-origin"],
            ]
            for (method, target, json) in requests {
                for page in pages {
                    var fields = page
                    fields[.cookie] = "sb-access-token=\(person.token)"
                    fields[.contentType] = "application/json"
                    let response = try await sender.send(
                        TestRequest(method, target, fields: fields, body: Array(json.utf8)))
                    #expect(response.status == .forbidden, "\(method) \(target) \(page)")
                }
            }
            #expect(try await person.ask(agent, "Unharmed?").status == .ok)
            let ours: HTTPFields = [.cookie: "sb-access-token=\(person.token)", .origin: "https://app.example"]
            let good = try await sender.post("/api/create-agent", json: requests[0].2, fields: ours)
            #expect(good.status == .created)
            Effort.tried(requests.count * pages.count, "forged requests with a good cookie")
            await assembly.services.shutdown()
        }

        @Test(
            "a recording's link is good as it was signed, and in no other way",
            arguments: [Host.inMemory, .behind(.nginx)])
        func audioLinks(_ host: Host) async throws {
            let bed = try await TestBed.shared.value
            try await host.serve(bed) { sender in
                let person = try await Person.signUp(sender)
                let agent = try await person.createAgent()
                func link() async throws -> (id: String, expires: Int, signature: String) {
                    let answer = try await person.ask(agent, "What are your business hours?").decode(Person.Answer.self)
                    let match = try #require(
                        answer.audioUrl.firstMatch(of: /audio\/([0-9a-f]+)\.mp3\?expires=([0-9]+)&signature=(.+)$/))
                    return (String(match.output.1), try #require(Int(match.output.2)), String(match.output.3))
                }
                let (one, other) = (try await link(), try await link())
                func target(_ id: String, _ expires: String, _ signature: String) -> String {
                    "/audio/\(id).mp3?expires=\(expires)&signature=\(signature)"
                }
                #expect(try await sender.get(target(one.id, "\(one.expires)", one.signature)).status == .ok)
                var bad = [
                    target(other.id, "\(one.expires)", one.signature),
                    target(one.id, "\(one.expires + 1)", one.signature),
                    target(one.id, "0\(one.expires)", one.signature), target(one.id, "+\(one.expires)", one.signature),
                    target(one.id, "\(one.expires).0", one.signature), target(one.id, "-1", one.signature),
                    target(one.id, "9999999999999999999999", one.signature), target(one.id, "", one.signature),
                    target(one.id, "\(one.expires)", ""),
                    target(one.id, "\(one.expires)", String(one.signature.dropLast())),
                    target(one.id, "\(one.expires)", one.signature + "A"),
                    target(one.id, "\(one.expires)", one.signature + "%00"),
                    target(one.id.uppercased() + "0", "\(one.expires)", one.signature),
                    "/audio/\(one.id).mp3", "/audio/\(one.id).mp3?expires=\(one.expires)",
                    "/audio/\(one.id).mp3?signature=\(one.signature)",
                    target(one.id, "\(one.expires)", "x") + "&signature=\(one.signature)",
                    target(String(repeating: "0", count: 32), "\(one.expires)", one.signature),
                ]
                // Every digit of the signature changed.
                let digits = Array(one.signature)
                for index in digits.indices {
                    var changed = digits
                    changed[index] = changed[index] == "a" ? "b" : "a"
                    bad.append(target(one.id, "\(one.expires)", String(changed)))
                }
                for target in bad {
                    let status = try await sender.get(target).status
                    #expect(
                        status == .forbidden || status == .notFound && target.contains("mp30"), "\(target): \(status)")
                }
                Effort.tried(bad.count, "recordings' links that nobody signed, \(host.testDescription)")
            }
        }

        @Test("where a checkout returns to is a setting, whatever a request says")
        func openRedirect() async throws {
            let bed = try await TestBed.shared.value
            let assembly = try await bed.assembly()
            let sender = TestClient(assembly.application)
            let person = try await Person.signUp(sender)
            let fields: HTTPFields = [
                .authorization: "Bearer \(person.token)", .referer: "https://evil.example/",
                .init("X-Forwarded-Host")!: "evil.example", .init("Forwarded")!: "host=evil.example",
            ]
            let response = try await sender.post(
                "/api/create-payment-link?redirect_to=https://evil.example&redirect_url=https://evil.example",
                json: #"{"plan":"basic","redirect_url":"https://evil.example","redirectUrl":"//evil.example"}"#,
                fields: fields)
            let link = try response.decode(Person.PaymentLink.self).paymentLink
            #expect(link.hasPrefix("http://127.0.0.1:"), "the emulator's checkout")
            let page = try await HTTPSender(baseURL: "", client: bed.client).get(link)
            #expect(!page.text.contains("evil.example"))
            for target in [
                "//evil.example", "/\\evil.example", "/api/..//evil.example",
                "/auth/v1/signup?redirect_to=//evil.example",
            ] {
                let response = try await sender.get(target)
                #expect(response.fields[.location] == nil, "\(target)")
                #expect(response.status.kind == .clientError)
            }
            await assembly.services.shutdown()
        }

        /// Addresses that a request goes to are made in these files, of settings alone.
        static let whoAsks = [
            "Functions/Shared/Providers/OpenAIChat.swift", "Functions/Shared/Providers/MiniMaxSpeech.swift",
            "Functions/Shared/Providers/Flutterwave.swift", "Functions/callwaiting/Settings/IdentitySettings.swift",
            "Functions/callwaiting/Checks/Checkup.swift",
        ]

        @Test("requests go out from the clients of configured services alone, and none follows a redirect or skips TLS")
        func outgoing() throws {
            let files = try FileManager.default.subpathsOfDirectory(atPath: "\(TestBed.repository)/Functions")
                .map { "Functions/\($0)" }
                .filter { $0.hasSuffix(".swift") && !$0.contains("Emulators/") && !$0.contains("callwaiting-dev") }
            #expect(files.count > 50)
            for file in files {
                let source = String(
                    decoding: try #require(FileManager.default.contents(atPath: "\(TestBed.repository)/\(file)")),
                    as: UTF8.self)
                if source.contains("WebRequest(") { #expect(Self.whoAsks.contains(file), "\(file) asks somebody") }
                for way in ["URLSession", "curl_", "popen", "getaddrinfo", "SSL_VERIFYPEER"] {
                    #expect(!source.contains(way), "\(file) has \(way)")
                }
            }
        }
    }
}
