import Foundation
import FunctionTesting
import Testing

@testable import callwaiting

extension EndToEnd {
    /// Schemathesis, which makes requests out of docs/openapi.yaml, good ones and bad ones, and holds the answers to it.
    @Suite(.enabled(if: PythonPeers.areThere, "run Tests/Attack/prepare .build-attack"))
    struct SchemaAttackTests {
        @Test(
            "whatever docs/openapi.yaml lets anybody ask, no answer is a 5xx or other than it says",
            arguments: [Host.http, .behind(.nginx)])
        func schemathesis(_ host: Host) async throws {
            let bed = try await TestBed.shared.value
            try await host.serve(bed) { sender in
                let person = try await Person.signUp(sender)
                let (agent, managed) = (try await person.createAgent(), try await person.createAgent())
                let url = try #require(sender as? HTTPSender).baseURL
                let run = try await PythonPeers.run(
                    "st",
                    [
                        "run", "\(TestBed.repository)/docs/openapi.yaml", "--url", url, "--checks",
                        "not_a_server_error,status_code_conformance,content_type_conformance,"
                            + "response_schema_conformance,response_headers_conformance",
                        "--phases", "examples,coverage,fuzzing", "--max-examples", Effort.pick("3", long: "100"),
                        "--continue-on-failure", "--request-timeout", "60", "--suppress-health-check", "all",
                    ], bed,
                    [
                        "SCHEMATHESIS_HOOKS": "hooks", "PYTHONPATH": "\(TestBed.repository)/Tests/Attack",
                        "CW_TOKEN": person.token, "CW_AGENT": agent.agentId, "CW_KEY": agent.apiKey,
                        "CW_MANAGED": managed.agentId, "CW_HASH": TestBed.secretHash, "NO_COLOR": "1",
                    ])
                #expect(run.status.isSuccess, "\(run.output.suffix(6_000))")
                let generated = run.output.firstMatch(of: /([0-9]+) generated/).flatMap { Int($0.output.1) } ?? 0
                #expect(generated > 500, "\(run.output.suffix(2_000))")
                Effort.tried(generated, "requests made of docs/openapi.yaml, \(host.testDescription)")
            }
        }
    }
}
