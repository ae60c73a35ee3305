import DevHost
import Testing

extension EndToEnd {
    /// A small part of `make drills`.
    @Suite struct DrillTests {
        @Test("no drill violates what the books promise", arguments: 1...5)
        func drill(_ number: Int) async throws {
            let bed = try await TestBed.shared.value
            let run = try await bed.run(
                "callwaiting-drills",
                [
                    "--quick", "--only", "\(number)", "--callwaiting", TestBed.program("callwaiting"), "--sql",
                    TestBed.repository + "/sql",
                ])
            #expect(run.status.isSuccess, "\(run.output)")
            #expect(run.output.contains("| drill | runs | faults injected | violations | time |"))
        }
    }
}
