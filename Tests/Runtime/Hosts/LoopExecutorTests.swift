import FunctionChannel
import FunctionCore
import Glibc
import Synchronization
import Testing

@Suite("Loop executor")
struct LoopExecutorTests {
    /// Notes its thread before and after waits that end on other threads.
    private struct Wanderer: Responder {
        let threads = Threads()

        func accept(_ head: RequestHead) -> Acceptance {
            threads.note()
            return .exchange(
                Exchange(
                    bodyLimit: 0, deadline: .now + .seconds(10),
                    answer: { _ in
                        threads.note()
                        await Task.detached { await Task.yield() }.value
                        threads.note()
                        try? await Task.sleep(for: .milliseconds(1))
                        threads.note()
                        await withTaskGroup { group in
                            for _ in 0..<3 { group.addTask { threads.note() } }
                        }
                        await elsewhere()
                        await withTaskExecutorPreference(globalConcurrentExecutor) {}
                        threads.note()
                        let executor = withUnsafeCurrentTask { $0?.unownedTaskExecutor?.asTaskExecutor() }
                        await Task.immediate(executorPreference: executor) {
                            try? await Task.sleep(for: .milliseconds(1))
                            threads.note()
                        }.value
                        return Response(
                            status: .ok,
                            body: .stream(length: nil) { writer in
                                threads.note()
                                try await writer.write([1])
                                try await Task.sleep(for: .milliseconds(1))
                                threads.note()
                                try await writer.write([2])
                            })
                    },
                    refusal: refuse))
        }

        /// An async function of its own, as most of a function's work is.
        private func elsewhere() async { threads.note() }

        func refuse(_ problem: Problem) -> Response { problem.response(instance: RequestID()) }
    }

    private final class Threads: Sendable {
        let seen = Mutex<[pthread_t]>([])
        func note() { seen.withLock { $0.append(pthread_self()) } }
    }

    @Test("all of a request runs on its channel's thread, whoever resumes it", arguments: Transport.allCases)
    func staysOnLoop(_ transport: Transport) async throws {
        let responder = Wanderer()
        try await withServer(responder, configure: { $0.loops = 2 }) { server in
            let answer = try await transport.send("GET", "/", to: server)
            #expect(answer.body == [1, 2])
        }
        let threads = responder.threads.seen.withLock { $0 }
        #expect(threads.count == 12)
        #expect(Set(threads).count == 1)
    }
}
