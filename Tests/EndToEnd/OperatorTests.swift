import DevHost
import EmulatorControl
import FunctionTesting
import Glibc
import Testing

@testable import callwaiting

extension EndToEnd {
    /// What an operator does with the books, and what the worker does by itself.
    @Suite struct OperatorTests {
        private func withPerson(_ body: (TestBed, Person) async throws -> Void) async throws {
            let bed = try await TestBed.shared.value
            let assembly = try await bed.assembly()
            defer { bed.board.clearFaults(of: .flutterwave) }
            try await body(bed, try await Person.signUp(TestClient(assembly.application)))
            await assembly.services.shutdown()
        }

        private func change(_ bed: TestBed, _ sql: String) async throws {
            let database = try await bed.superuser()
            try await database.execute(sql)
            await database.close()
        }

        @Test("check adds the ledgers up, names the workspace that disagrees, and exits 1")
        func check() async throws {
            try await withPerson { bed, person in
                let workspace = try await bed.look(
                    """
                    select m.workspace_id from public.memberships as m join public.profiles as p on p.id = m.user_id
                    where p.email = $1
                    """, [person.email])
                #expect(try await bed.run("callwaiting", ["check"]).output.contains("the ledgers add up: "))
                try await change(
                    bed, "update public.workspaces set seconds_used = seconds_used + 7 where id = '\(workspace)'")
                let broken = try await bed.run("callwaiting", ["check"])
                try await change(
                    bed, "update public.workspaces set seconds_used = seconds_used - 7 where id = '\(workspace)'")
                #expect(broken.status == .code(1))
                #expect(broken.output.contains("workspace \(workspace): seconds_used is 7, its ledger adds up to 0"))
            }
        }

        @Test("an event that was given up is a dead letter for check, and replaying it has its effect")
        func deadLetter() async throws {
            try await withPerson { bed, person in
                bed.board.add(Fault(.verifyDown, times: nil), to: .flutterwave)
                let link = try await person.pay(on: bed)
                let events = "select count(*) from public.payment_events where tx_ref = $1 and attempts > 0"
                #expect(try await eventually { try await bed.look(events, [link.txRef]) == "1" })
                bed.board.clearFaults(of: .flutterwave)
                try await change(
                    bed,
                    """
                    update public.payment_events set attempts = 20 where tx_ref = '\(link.txRef)';
                    update public.subscriptions set next_check_at = 'infinity' where tx_ref = '\(link.txRef)'
                    """)
                let check = try await bed.run("callwaiting", ["check"])
                #expect(check.status == .code(1))
                #expect(check.output.contains("payment events were given up"))
                let replay = try await bed.run("callwaiting", ["payments", "replay"])
                #expect(replay.output.contains("events are due now"))
                #expect(try await bed.run("callwaiting", ["worker", "--once"]).status.isSuccess)
                #expect(try await person.status(of: link) == "active")
            }
        }

        @Test("payments are listed, shown with every cause, and reconciled when told to")
        func payments() async throws {
            try await withPerson { bed, person in
                bed.board.add(Fault(.lostWebhook), to: .flutterwave)
                let link = try await person.pay(on: bed)
                let list = try await bed.run("callwaiting", ["payments", "list", "--state", "pending"])
                #expect(list.output.contains("\(link.txRef)  pending  pro  ₦199.00"))
                let reconciled = try await bed.run("callwaiting", ["payments", "reconcile", link.txRef])
                #expect(reconciled.output == "\(link.txRef)  activated\n")
                #expect(try await person.status(of: link) == "active")
                let shown = try await bed.run("callwaiting", ["payments", "show", link.txRef])
                for words in [
                    "pending: a link was asked for", "pending → active: verify said successful of transaction",
                    "asked by operator", "5000 minutes, payment", "19900 NGN in minor units, effect activated",
                ] { #expect(shown.output.contains(words), "\(words) is not in\n\(shown.output)") }
                #expect(try await bed.run("callwaiting", ["payments", "show", "nothing"]).status == .code(64))
            }
        }

        @Test("a worker that would rest for long is woken by what is due")
        func woken() async throws {
            try await withPerson { bed, person in
                let worker = try bed.supervisor.start(
                    "worker",
                    Command(
                        TestBed.program("callwaiting"), ["worker", "--interval", "3600"],
                        environment: bed.environment()))
                let listening = """
                    select count(*) from pg_stat_activity
                    where application_name = 'callwaiting worker' and query like 'listen%' and state = 'idle'
                    """
                #expect(try await eventually { try await bed.look(listening) == "1" })
                bed.board.add(Fault(.verifyDown, times: nil), to: .flutterwave)
                let link = try await person.pay(on: bed)
                let events =
                    "select coalesce(min(id)::text, '') from public.payment_events where tx_ref = $1 and attempts > 0"
                #expect(try await eventually { try await bed.look(events, [link.txRef]) != "" })
                let event = try await bed.look(events, [link.txRef])
                bed.board.clearFaults(of: .flutterwave)
                #expect(try await bed.run("callwaiting", ["payments", "replay", event]).status.isSuccess)
                #expect(try await eventually { try await person.status(of: link) == "active" })
                await worker.stop()
            }
        }

        @Test("three workers at once ask about each payment once, and stop when told to")
        func several() async throws {
            try await withPerson { bed, person in
                bed.board.add(Fault(.lostWebhook, times: nil), to: .flutterwave)
                var links: [Person.PaymentLink] = []
                for _ in 0..<20 { links.append(try await person.pay(on: bed, plan: "basic")) }
                try await change(
                    bed,
                    """
                    update public.subscriptions set next_check_at = 'infinity';
                    update public.payment_events set next_attempt_at = 'infinity' where processed_at is null
                    """)
                let verified = { bed.board.report(of: .flutterwave).operations["verify", default: 0] }
                let before = verified()
                let workers = try (0..<3).map { _ in
                    try ServedProgram.start(
                        ["worker", "--interval", "1"], environment: bed.environment(), in: bed.directory)
                }
                for worker in workers { try await worker.wait(for: "worker started") }
                try await change(
                    bed,
                    """
                    update public.subscriptions set next_check_at = now() where tx_ref in
                      (\(links.map { "'\($0.txRef)'" }.joined(separator: ",")))
                    """)
                for link in links { #expect(try await eventually { try await person.status(of: link) == "active" }) }
                #expect(verified() - before == links.count)
                for worker in workers { #expect(await worker.stop() == .code(0)) }
                #expect(try await person.usage().minutesQuota == TestBed.trialMinutes + 20 * 500)
            }
        }

        @Test("a worker that is told to stop finishes what it is doing")
        func drained() async throws {
            try await withPerson { bed, person in
                bed.board.add(Fault(.lostWebhook), to: .flutterwave)
                let link = try await person.pay(on: bed)
                bed.board.add(Fault(.delay, on: "verify", milliseconds: 2_000), to: .flutterwave)
                let before = bed.board.report(of: .flutterwave).operations["verify", default: 0]
                try await change(
                    bed,
                    """
                    update public.subscriptions set next_check_at =
                      case tx_ref when '\(link.txRef)' then now() else 'infinity' end
                    """)
                let worker = try ServedProgram.start(
                    ["worker"], environment: bed.environment(), in: bed.directory)
                #expect(
                    try await eventually {
                        bed.board.report(of: .flutterwave).operations["verify", default: 0] > before
                    })
                #expect(await worker.stop() == .code(0))
                #expect(try await person.status(of: link) == "active", "\(worker.printed)")
            }
        }
    }
}
