import Logging
import Synchronization

/// A thread that owns a `Connection` and does one operation at a time with it.
final class ConnectionThread: Sendable {
    private let state = Mutex(State())
    private let wakeUp = WakeUp()

    /// What an operation can see of its caller while it runs.
    struct Operation: Sendable {
        let wakeUp: WakeUp
        fileprivate let cancelled: Flag

        var isCancelled: Bool { cancelled.isSet }
        var patience: Connection.Patience { isCancelled ? .cancel : .goOn }
    }

    fileprivate final class Flag: Sendable {
        private let value = Atomic(false)

        var isSet: Bool { value.load(ordering: .relaxed) }

        func set() {
            value.store(true, ordering: .relaxed)
        }
    }

    private struct State {
        var waiting: [@Sendable (Result<Connection, DatabaseError>) -> Void] = []
        var closing = false
        var ended = false
        var waitingForEnd: [CheckedContinuation<Void, Never>] = []
    }

    init(target: ConnectionTarget, logger: Logger) {
        // The thread keeps `self` alive until `close()`, which the owner calls when it goes.
        OwnThread.start("postgres-plain") { self.run(target, logger) }
    }

    func perform<R: Sendable>(
        _ body: @escaping @Sendable (Connection, Operation) throws(DatabaseError) -> R
    ) async throws(DatabaseError) -> R {
        let operation = Operation(wakeUp: wakeUp, cancelled: Flag())
        return try await withTaskCancellationHandler {
            await withCheckedContinuation { (caller: CheckedContinuation<Result<R, DatabaseError>, Never>) in
                enqueue { connection in
                    do throws(DatabaseError) {
                        if operation.isCancelled { throw DatabaseError(.cancelled, "the task was cancelled") }
                        caller.resume(returning: .success(try body(try connection.get(), operation)))
                    } catch {
                        caller.resume(returning: .failure(error))
                    }
                }
            }
        } onCancel: {
            operation.cancelled.set()
            wakeUp.signal()
        }.get()
    }

    /// Ends the thread once its queue is empty.
    func close() {
        state.withLock { $0.closing = true }
        wakeUp.signal()
    }

    func end() async {
        close()
        await withCheckedContinuation { (caller: CheckedContinuation<Void, Never>) in
            let ended = state.withLock { state in
                if !state.ended { state.waitingForEnd.append(caller) }
                return state.ended
            }
            if ended { caller.resume() }
        }
    }

    private func enqueue(_ operation: @escaping @Sendable (Result<Connection, DatabaseError>) -> Void) {
        let closing = state.withLock { state in
            if !state.closing { state.waiting.append(operation) }
            return state.closing
        }
        guard !closing else {
            return operation(.failure(DatabaseError(.unavailable(.shutDown), "the connection was closed")))
        }
        wakeUp.signal()
    }

    /// The thread's whole life. The connection is closed before anyone hears that the thread has ended.
    private func run(_ target: ConnectionTarget, _ logger: Logger) {
        connectAndServe(target, logger)
        let callers = state.withLock { state in
            state.ended = true
            defer { state.waitingForEnd = [] }
            return state.waitingForEnd
        }
        callers.forEach { $0.resume() }
    }

    private func connectAndServe(_ target: ConnectionTarget, _ logger: Logger) {
        do throws(DatabaseError) {
            serve(.success(try Connection(to: target, logger: logger) { !isAbandoned }))
        } catch {
            serve(.failure(error))
        }
    }

    private var isAbandoned: Bool { state.withLock { $0.closing && $0.waiting.isEmpty } }

    private func serve(_ connection: Result<Connection, DatabaseError>) {
        while true {
            let (operation, closing) = state.withLock { state in
                (state.waiting.isEmpty ? nil : state.waiting.removeFirst(), state.closing)
            }
            if let operation {
                operation(connection)
            } else if closing {
                break
            } else {
                wakeUp.wait()
            }
        }
    }
}
