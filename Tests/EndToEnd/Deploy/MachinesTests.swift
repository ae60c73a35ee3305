import DevHost
import FunctionTesting
import Glibc
import HTTPTypes
import Synchronization
import Testing

@testable import callwaiting

extension EndToEnd {
    /// Two machines behind one nginx with one Postgres. Skipped where network namespaces cannot be made.
    @Suite struct MachinesTests {
        /// What the load has seen.
        private final class Tally: Sendable {
            private struct State {
                var done = 0
                var failures: [Failure] = []
            }

            struct Failure {
                let what: String
                /// When the request had begun.
                let begun: ContinuousClock.Instant
            }

            private let state = Mutex(State())
            var done: Int { state.withLock { $0.done } }
            var failures: [Failure] { state.withLock { $0.failures } }

            func note(_ failure: Failure?) {
                state.withLock {
                    $0.done += 1
                    if let failure { $0.failures.append(failure) }
                }
            }
        }

        @Test("when one of two machines is killed under load, nothing fails but what was in flight on it")
        func kill() async throws {
            guard await Machines.isPermitted() else {
                print("skipped: two machines need network namespaces, which only root may make")
                return
            }
            let bed = try await TestBed.shared.value
            try await Machines.with(bed) { machines in
                let sender = HTTPSender(baseURL: machines.url, client: bed.client)
                let person = try await Person.signUp(sender)
                try await hearFromEither(person, sender, machines)

                let tally = Tally()
                let load = Task {
                    await withTaskGroup(of: Void.self) { group in
                        for worker in 0..<16 { group.addTask { await ask(person, worker, tally) } }
                    }
                }
                #expect(try await eventually { tally.done > 300 })
                machines.machines[0].server.kill()
                _ = await machines.machines[0].server.ended
                let before = tally.done
                // nginx may still send a request down a connection whose end it has not read yet. A tenth of a second in
                // steps, since a machine that stands still for longer keeps nginx from reading too.
                for _ in 0..<10 { try await Task.sleep(for: .milliseconds(10)) }
                let noticed = ContinuousClock.now
                #expect(try await eventually { tally.done > before + 300 }, "the other one serves")
                load.cancel()
                await load.value

                let failures = tally.failures
                for failure in failures { #expect(failure.begun < noticed, "\(failure.what) began when it was gone") }
                // Of 16 at a time, some were on the other machine.
                #expect(failures.count <= 16, "\(failures)")
                #expect(failures.allSatisfy { $0.what.hasPrefix("POST") }, "a GET is asked again: \(failures)")
            }
        }

        /// A recording that one machine has made is heard from the other as well.
        private func hearFromEither(_ person: Person, _ sender: HTTPSender, _ machines: Machines) async throws {
            let speech = try await person.speak("Two machines share one directory.").decode(Person.Speech.self)
            let target = String(speech.audioUrl.dropFirst("http://127.0.0.1:9".count))
            // nginx asks them in turn.
            for _ in 0..<(2 * machines.machines.count) {
                let audio = try await sender.get(target)
                #expect(audio.status == .ok)
                #expect(audio.fields[.contentType] == "audio/mpeg")
            }
        }

        /// Reads and writes in turn until the task is cancelled.
        private func ask(_ person: Person, _ worker: Int, _ tally: Tally) async {
            var round = worker
            while !Task.isCancelled {
                round += 1
                let (begun, isWrite) = (ContinuousClock.now, round.isMultiple(of: 4))
                let what = isWrite ? "POST create-agent" : "GET usage-report"
                let outcome: String
                do {
                    let response =
                        isWrite
                        ? try await person.post(
                            "/api/create-agent", json: #"{"name":"x","systemPrompt":"y","voiceId":"soft_f"}"#)
                        : try await person.get("/api/usage-report")
                    outcome = response.status.kind == .successful ? "" : "\(what): \(response.status) \(response.text)"
                } catch {
                    if Task.isCancelled { return }
                    outcome = "\(what): \(error)"
                }
                tally.note(outcome.isEmpty ? nil : Tally.Failure(what: outcome, begun: begun))
            }
        }
    }
}
