import FunctionCore
import FunctionTesting
import Testing

extension EndToEnd {
    /// Supabase's own Python client, which does not know that it speaks to us.
    @Suite(.enabled(if: PythonPeers.areThere, "run Tests/Attack/prepare .build-attack"))
    struct GoTrueClientAttackTests {
        @Test("Supabase's client signs up, in, on and out, and is refused in the words that it knows")
        func client() async throws {
            let bed = try await TestBed.shared.value
            try await Host.http.serve(bed) { sender in
                let url = try #require(sender as? HTTPSender).baseURL
                let email = "py\([UInt8].random(count: 6).hex)@example.com"
                let run = try await PythonPeers.run(
                    "python", ["\(TestBed.repository)/Tests/Attack/gotrue_client.py", url, email], bed)
                #expect(run.status.isSuccess, "\(run.output)")
                for step in ["signed up", "signed in", "user", "refreshed", "claims", "signed out"] {
                    #expect(run.output.contains(step), "\(step)")
                }
                Effort.tried(run.output.split(separator: "\n").count, "steps of Supabase's Python client")
            }
        }
    }
}
