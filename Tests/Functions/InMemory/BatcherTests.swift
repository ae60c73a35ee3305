import Synchronization
import Testing

@testable import Metering

/// What is asked for while earlier work is under way goes together.
@Suite struct BatcherTests {
    /// Work that is held up until told to go on, and remembers its batches.
    private final class Work: Sendable {
        private let state = Mutex((batches: [[Int]](), held: [CheckedContinuation<Void, Never>](), isOpen: false))

        var batches: [[Int]] { state.withLock { $0.batches } }
        var itemCount: Int { batches.reduce(0) { $0 + $1.count } }

        func callAsFunction(_ items: [Int]) async -> [String] {
            await withCheckedContinuation { continuation in
                let goesOn = state.withLock { state in
                    state.batches.append(items)
                    if !state.isOpen { state.held.append(continuation) }
                    return state.isOpen
                }
                if goesOn { continuation.resume() }
            }
            return items.map { "answer \($0)" }
        }

        /// Lets everything go on, now and from now on.
        func open() {
            let held = state.withLock { state in
                state.isOpen = true
                defer { state.held = [] }
                return state.held
            }
            for continuation in held { continuation.resume() }
        }
    }

    /// Asks for 1, 2, … `count`, each when those before it are known to the batcher, while the work is held up.
    private func batches(of count: Int, concurrency: Int, limit: Int) async throws -> [[Int]] {
        let work = Work()
        let batcher = Batcher<Int, String>(concurrency: concurrency, limit: limit) { await work($0) }
        let answers = try await withThrowingTaskGroup(of: (Int, String).self) { group in
            for item in 1...count {
                group.addTask { (item, await batcher.answer(for: item)) }
                try #require(await eventually { work.itemCount + batcher.waiting == item })
            }
            #expect(work.batches.count == min(count, concurrency))
            work.open()
            return try await group.reduce(into: [:]) { $0[$1.0] = $1.1 }
        }
        #expect(answers == Dictionary(uniqueKeysWithValues: (1...count).map { ($0, "answer \($0)") }))
        #expect(batcher.waiting == 0)
        #expect(await batcher.answer(for: 0) == "answer 0")
        return work.batches
    }

    private func eventually(_ condition: () -> Bool) async -> Bool {
        for _ in 0..<10_000 {
            if condition() { return true }
            try? await Task.sleep(for: .milliseconds(1))
        }
        return false
    }

    @Test("who comes alone is served at once, the next together when that is done, in order")
    func together() async throws {
        #expect(try await batches(of: 6, concurrency: 1, limit: 100) == [[1], [2, 3, 4, 5, 6], [0]])
    }

    @Test("a batch has no more than its limit")
    func limit() async throws {
        #expect(try await batches(of: 8, concurrency: 1, limit: 3) == [[1], [2, 3, 4], [5, 6, 7], [8], [0]])
    }

    @Test("no more batches are under way than may be")
    func concurrency() async throws {
        #expect(Set(try await batches(of: 7, concurrency: 3, limit: 4)) == [[1], [2], [3], [4, 5, 6, 7], [0]])
    }

    @Test("one who leaves is answered all the same, and leads the others")
    func cancelled() async throws {
        let work = Work()
        let batcher = Batcher<Int, String>(concurrency: 1, limit: 10) { await work($0) }
        let first = Task { await batcher.answer(for: 1) }
        #expect(await eventually { work.itemCount + batcher.waiting == 1 })
        let second = Task { await batcher.answer(for: 2) }
        #expect(await eventually { work.itemCount + batcher.waiting == 2 })
        let third = Task { await batcher.answer(for: 3) }
        #expect(await eventually { work.itemCount + batcher.waiting == 3 })
        second.cancel()
        work.open()
        #expect(await [first.value, second.value, third.value] == ["answer 1", "answer 2", "answer 3"])
        #expect(work.batches == [[1], [2, 3]])
    }
}
