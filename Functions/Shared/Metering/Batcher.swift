import Synchronization

/// Does together what callers ask for while earlier work is under way, as a database's group commit does.
///
/// Whoever comes alone is served at once; the busier it is, the larger the batches. There is no timer: nobody waits but
/// for those in front, and a batch is worked on in the task of the first who waits for it. As many may wait as there are
/// callers.
final class Batcher<Item: Sendable, Answer: Sendable>: Sendable {
    private let concurrency: Int
    private let limit: Int
    private let work: @Sendable ([Item]) async -> [Answer]
    private let state = Mutex(State())

    private struct State {
        var underWay = 0
        var waiting: [Waiter] = []
    }

    private struct Waiter {
        let item: Item
        let continuation: CheckedContinuation<Turn, Never>
    }

    private enum Turn {
        case answered(Answer)
        /// To work on one's own item and those of others.
        case leads([Waiter])
    }

    /// - Parameters:
    ///   - concurrency: batches under way at once, at most.
    ///   - limit: items of a batch, at most.
    ///   - work: gives an answer for each item, in order. It runs in the task of any of the callers, so what it does must
    ///     not end with that task's cancellation.
    init(concurrency: Int, limit: Int, _ work: @escaping @Sendable ([Item]) async -> [Answer]) {
        self.concurrency = concurrency
        self.limit = limit
        self.work = work
    }

    /// Items that wait for a batch to be under way.
    var waiting: Int { state.withLock { $0.waiting.count } }

    /// The answer for `item`. Waits for it also when the task is cancelled.
    func answer(for item: Item) async -> Answer {
        switch await turn(for: item) {
        case .answered(let answer): return answer
        case .leads(let others):
            let answers = await work([item] + others.map(\.item))
            precondition(answers.count == 1 + others.count, "an answer for each item")
            passOn()
            for (other, answer) in zip(others, answers.dropFirst()) {
                other.continuation.resume(returning: .answered(answer))
            }
            return answers[0]
        }
    }

    private func turn(for item: Item) async -> Turn {
        await withCheckedContinuation { continuation in
            let leads = state.withLock { state in
                guard state.underWay < concurrency else {
                    state.waiting.append(Waiter(item: item, continuation: continuation))
                    return false
                }
                state.underWay += 1
                return true
            }
            if leads { continuation.resume(returning: .leads([])) }
        }
    }

    /// Lets the first who waits lead the next batch.
    private func passOn() {
        let batch = state.withLock { state in
            let batch = Array(state.waiting.prefix(limit))
            state.waiting.removeFirst(batch.count)
            if batch.isEmpty { state.underWay -= 1 }
            return batch
        }
        batch.first?.continuation.resume(returning: .leads(Array(batch.dropFirst())))
    }
}
