import EmulatorControl
import FunctionTesting
import Testing

@testable import callwaiting

extension EndToEnd {
    /// What docs/metering.md promises and no other test shows.
    @Suite struct MeteringTests {
        private func withPerson(
            _ body: (TestBed, Person, Person.Agent) async throws -> Void
        ) async throws {
            let bed = try await TestBed.shared.value
            let assembly = try await bed.assembly()
            defer { bed.board.clearFaults(of: .minimax) }
            let person = try await Person.signUp(TestClient(assembly.application))
            try await body(bed, person, try await person.createAgent())
            await assembly.services.shutdown()
        }

        private let settled = """
            select count(*) from public.usage_logs as u join public.profiles as p on p.id = u.user_id where p.email = $1
            """

        @Test("a caller who leaves after the speech was made is charged once", arguments: [true, false])
        func leavingLate(isAgents: Bool) async throws {
            try await withPerson { bed, person, agent in
                bed.board.add(Fault(.hold), to: .minimax)
                let asked = bed.board.report(of: .minimax).requests
                let asking = Task { try await isAgents ? person.ask(agent, "Hi") : person.speak("Hi") }
                #expect(try await eventually { bed.board.report(of: .minimax).requests > asked })
                // Whoever holds the workspace's row keeps the settling waiting.
                let blocker = try await bed.superuser()
                try await blocker.execute("begin; select from public.workspaces for update")
                bed.board.clearFaults(of: .minimax)
                let waits = """
                    select exists (select from pg_locks where not granted and locktype = 'transactionid')::text
                    """
                #expect(try await eventually { try await bed.look(waits) == "true" })
                asking.cancel()
                try await blocker.execute("commit")
                await blocker.close()
                _ = await asking.result
                #expect(try await eventually { try await bed.look(settled, [person.email]) == "1" })
                let usage = try await person.usage()
                #expect(usage.secondsUsed > 0)
                #expect(usage.secondsReserved == 0)
            }
        }

        /// Admission does not wait for the disk, so a database that crashes just then comes back without the hold.
        @Test("a hold that was lost with the database is 503 and charges nothing")
        func lostHold() async throws {
            try await withPerson { bed, person, agent in
                let recordings = try bed.recordings()
                bed.board.add(Fault(.hold), to: .minimax)
                let asking = Task { try await person.ask(agent, "Hi") }
                #expect(try await eventually { try await person.usage().secondsReserved > 0 })
                let database = try await bed.superuser()
                try await database.execute(
                    """
                    with lost as (
                      delete from public.usage_reservations as r using public.agents as a
                      where a.id = r.agent_id and a.id = '\(agent.agentId)' returning r.workspace_id, r.seconds_held
                    )
                    update public.workspaces as w set seconds_reserved = seconds_reserved - l.seconds_held
                    from lost as l where w.id = l.workspace_id
                    """)
                await database.close()
                bed.board.clearFaults(of: .minimax)
                let answer = try await asking.value
                #expect(answer.status == .serviceUnavailable)
                #expect(answer.text.contains("database_unavailable"))
                #expect(try bed.recordings() == recordings)
                let usage = try await person.usage()
                #expect(usage.secondsUsed == 0 && usage.secondsReserved == 0)
                #expect(try await bed.look(settled, [person.email]) == "0")
            }
        }

        @Test("granted is used and reserved and left, also while a reply is being made")
        func identity() async throws {
            try await withPerson { bed, person, agent in
                func expectIdentity() async throws -> Person.Usage {
                    let usage = try await person.usage()
                    #expect(
                        usage.minutesQuota * 60 == usage.secondsUsed + usage.secondsReserved + usage.secondsRemaining)
                    return usage
                }
                _ = try await expectIdentity()
                bed.board.add(Fault(.hold), to: .minimax)
                let asking = Task { try await person.ask(agent, "Hi") }
                #expect(try await eventually { try await expectIdentity().secondsReserved > 0 })
                bed.board.clearFaults(of: .minimax)
                let receipt = try await asking.value.decode(Person.Answer.self).usage
                let usage = try await expectIdentity()
                #expect(usage.secondsReserved == 0)
                #expect(usage.secondsUsed == receipt.secondsCharged)
                #expect(usage.secondsRemaining == receipt.secondsRemaining)
                let logged = try await bed.look(
                    "select seconds from public.usage_logs where id = $1::uuid", [receipt.id])
                #expect(logged == "\(receipt.secondsCharged)", "a receipt's id is its usage log's")
            }
        }
    }
}
