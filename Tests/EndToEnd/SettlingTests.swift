import FunctionCore
import FunctionTesting
import Testing

@testable import Metering
@testable import callwaiting

extension EndToEnd {
    /// Replies that end together.
    @Suite struct SettlingTests {
        private static let count = 40
        /// Seconds of each.
        private static let lengths = (0..<count).map { $0 % 3 }

        /// Asks to settle that many holds of one person, of two seconds each, while nobody can; then lets all go on.
        private func settle(
            unsettled: Int? = nil, _ look: (TestBed, Person, [Result<Receipt, any Error>]) async throws -> Void
        ) async throws {
            let bed = try await TestBed.shared.value
            let assembly = try await bed.assembly()
            let meter = assembly.services.meter
            let person = try await Person.signUp(TestClient(assembly.application))
            _ = try await person.createAgent()
            let holds = try await bed.look(
                """
                select string_agg(h.reservation_id::text, ' ')
                from public.profiles as p
                join public.memberships as m on m.user_id = p.id,
                  generate_series(1, \(Self.count)) as n,
                  private.hold(m.workspace_id, p.id, null, null, 2 + 0 * n, 600) as h
                where p.email = $1
                """, [person.email]
            ).split(separator: " ").map { Reservation(id: String($0), held: 2, isKeyed: false) }
            let blocker = try await bed.superuser()
            try await blocker.execute("begin; select from public.workspaces for update")
            let context = Context(
                requestID: RequestID(), deadline: .now + .seconds(60), logger: LogRecorder().logger,
                publicURL: "https://x")
            try #require(holds.count == Self.count)
            let settling = holds.enumerated().map { index, hold in
                Task {
                    let usage = Usage(
                        kind: .voice, milliseconds: 1_000 * Self.lengths[index],
                        audio: .init(id: .random(count: 16), byteCount: 1, expires: 4_102_444_800),
                        exchange: index == unsettled ? .init(message: "no text\0 for Postgres", reply: "") : nil)
                    return try await meter.settle(hold, usage, in: context)
                }
            }
            #expect(
                try await eventually { meter.settlements.waiting == Self.count - Settlement.concurrency })
            try await blocker.execute("commit")
            await blocker.close()
            var receipts: [Result<Receipt, any Error>] = []
            for task in settling { receipts.append(await task.result) }
            try await look(bed, person, receipts)
            await assembly.services.shutdown()
        }

        @Test("replies that end together are settled in one transaction, each with a receipt of its own")
        func together() async throws {
            try await settle { bed, person, receipts in
                #expect(try receipts.map { try $0.get().secondsCharged } == Self.lengths)
                #expect(Set(try receipts.map { try $0.get().id }).count == Self.count)
                let transactions = try await bed.look(
                    """
                    select count(distinct u.xmin::text)
                    from public.usage_logs as u join public.profiles as p on p.id = u.user_id
                    where p.email = $1
                    """, [person.email])
                #expect(transactions == "\(Settlement.concurrency + 1)")
                let usage = try await person.usage()
                #expect(usage.secondsUsed == Self.lengths.reduce(0, +))
                #expect(usage.secondsReserved == 0)
            }
        }

        @Test("one that cannot be settled is nobody else's trouble")
        func unsettled() async throws {
            try await settle(unsettled: 20) { bed, person, receipts in
                for (index, receipt) in receipts.enumerated() where index != 20 {
                    #expect(try receipt.get().secondsCharged == Self.lengths[index])
                }
                #expect(throws: (any Error).self) { try receipts[20].get() }
                let usage = try await person.usage()
                #expect(usage.secondsUsed == Self.lengths.reduce(0, +) - Self.lengths[20])
                #expect(usage.secondsReserved == 2)
            }
        }
    }
}
