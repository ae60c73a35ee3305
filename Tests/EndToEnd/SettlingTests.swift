import FunctionCore
import FunctionTesting
import PostgresClient
import Testing

@testable import Metering
@testable import callwaiting

extension EndToEnd {
    /// Replies that end together.
    @Suite struct SettlingTests {
        private static let count = 40
        /// Seconds of each.
        private static let lengths = (0..<count).map { $0 % 3 }

        /// Holds of two seconds each. The function is given `n` so that it is called for each.
        private func holds(_ count: Int, of person: Person, _ bed: TestBed) async throws -> [Reservation] {
            _ = try await person.createAgent()
            let ids = try await bed.look(
                """
                select string_agg(h.reservation_id::text, ' ')
                from public.profiles as p
                join public.memberships as m on m.user_id = p.id,
                  generate_series(1, \(count)) as n,
                  private.hold(m.workspace_id, p.id, null, null, 2 + 0 * n, 600) as h
                where p.email = $1
                """, [person.email]
            ).split(separator: " ")
            try #require(ids.count == count)
            return ids.map { Reservation(id: String($0), held: 2, isKeyed: false) }
        }

        private func settling(
            _ hold: Reservation, seconds: Int, message: String? = nil, with meter: Meter
        ) -> Task<Receipt, any Error> {
            let context = Context(
                requestID: RequestID(), deadline: .now + .seconds(60), logger: LogRecorder().logger,
                publicURL: "https://x")
            let usage = Usage(
                kind: .voice, milliseconds: 1_000 * seconds,
                audio: .init(id: .random(count: 16), byteCount: 1, expires: 4_102_444_800),
                exchange: message.map { .init(message: $0, reply: "") })
            return Task { try await meter.settle(hold, usage, in: context) }
        }

        /// Settles `count` of one person, asked for while nobody can.
        private func settle(
            unsettled: Int? = nil, _ look: (TestBed, Person, [Result<Receipt, any Error>]) async throws -> Void
        ) async throws {
            let bed = try await TestBed.shared.value
            let assembly = try await bed.assembly()
            let person = try await Person.signUp(TestClient(assembly.application))
            let reservations = try await holds(Self.count, of: person, bed)
            let meter = Meter(
                database: assembly.services.database, lease: .seconds(600), lockTimeout: .seconds(60))
            let blocker = try await bed.superuser()
            try await blocker.execute("begin; select from public.workspaces for update")
            let tasks = reservations.enumerated().map { index, hold in
                settling(
                    hold, seconds: Self.lengths[index], message: index == unsettled ? "no text\0 for Postgres" : nil,
                    with: meter)
            }
            #expect(try await eventually { meter.settlements.waiting == Self.count - Settlement.concurrency })
            try await blocker.execute("commit")
            await blocker.close()
            var receipts: [Result<Receipt, any Error>] = []
            for task in tasks { receipts.append(await task.result) }
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

        @Test("nobody waits for a workspace that is not its own")
        func locked() async throws {
            let bed = try await TestBed.shared.value
            let assembly = try await bed.assembly()
            let meter = assembly.services.meter
            let (ann, bob) = (
                try await Person.signUp(TestClient(assembly.application)),
                try await Person.signUp(TestClient(assembly.application))
            )
            let (anns, bobs) = (try await holds(4, of: ann, bed), try await holds(1, of: bob, bed))
            let blocker = try await bed.superuser()
            try await blocker.execute(
                """
                begin; select from public.workspaces where id = (
                  select workspace_id from public.usage_reservations where id = '\(anns[0].id)'
                ) for update
                """)
            let waiting = anns.map { settling($0, seconds: 1, with: meter) }
            #expect(try await settling(bobs[0], seconds: 1, with: meter).value.secondsCharged == 1)
            #expect(try await ann.usage().secondsReserved == 8, "while hers are still waiting")
            try await blocker.execute("commit")
            await blocker.close()
            for task in waiting { #expect(try await task.value.secondsCharged == 1) }
            #expect(try await ann.usage().secondsUsed == 4)
            await assembly.services.shutdown()
        }
    }
}
