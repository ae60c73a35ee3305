import FunctionCore
import Glibc
import Logging
import Synchronization

/// One line for each request, to a file or standard output (docs/operations.md says how a line is made up).
///
/// Lines are made and written on a thread of its own. Whoever reports a request never waits: what finds no room is
/// dropped and counted.
public final class AccessLog: Sendable {
    public enum Destination: Sendable, Hashable {
        case standardOutput
        case file(path: String)
    }

    fileprivate struct State {
        var waiting: [AccessLogEntry] = []
        /// Bytes of text that those hold on to.
        var bytes = 0
        var dropped = 0
        var wantsReopening = false
        var isClosing = false
        var hasEnded = false
        /// Whether the thread sleeps until it is woken.
        var isAsleep = false
        var waitingForEnd: [CheckedContinuation<Void, Never>] = []
    }

    /// Lines that may wait for the thread.
    static let longestQueue = 16_384
    /// Bytes of text that those may hold, together.
    static let largestQueue = 8_388_608
    /// Lines that come together are written together: the thread looks this often, in microseconds, while they come.
    private static let pause: UInt32 = 20_000

    private let state = Mutex(State())
    private let wakeUp = Bell()
    private let format: AccessLogFormat
    private let logger: Logger

    /// Opens the file and begins the thread.
    ///
    /// - Throws: ``ServerError/system(call:on:errno:)`` when the file cannot be opened.
    public init(_ destination: Destination, _ format: AccessLogFormat, logger: Logger) throws(ServerError) {
        self.format = format
        self.logger = logger
        let file = try AccessLogFile(destination)
        OwnThread.start { self.run(file) }
    }

    /// Lines dropped since the start.
    public var droppedLines: Int { state.withLock { $0.dropped } }

    func add(_ report: RequestReport) {
        let entry = AccessLogEntry(report)
        let size = entry.size
        let mustWake = state.withLock { state in
            guard state.waiting.count < Self.longestQueue, state.bytes + size <= Self.largestQueue, !state.isClosing
            else {
                state.dropped += 1
                return false
            }
            state.waiting.append(entry)
            state.bytes += size
            return state.awake()
        }
        if mustWake { wakeUp.ring() }
    }

    /// Opens the file anew under the same path, after it has been renamed. Does not wait.
    public func reopen() {
        let mustWake = state.withLock { state in
            state.wantsReopening = true
            return state.awake()
        }
        if mustWake { wakeUp.ring() }
    }

    /// Writes what is waiting and ends the thread; gives up after five seconds when nobody takes it.
    public func close() async {
        let mustWake = state.withLock { state in
            state.isClosing = true
            return state.awake()
        }
        if mustWake { wakeUp.ring() }
        let patience = Task {
            try await Task.sleep(for: .seconds(5))
            endWaiting()
        }
        defer { patience.cancel() }
        await withCheckedContinuation { continuation in
            let hasEnded = state.withLock { state in
                if !state.hasEnded { state.waitingForEnd.append(continuation) }
                return state.hasEnded
            }
            if hasEnded { continuation.resume() }
        }
    }

    private func endWaiting() {
        let waiters = state.withLock { state in
            state.hasEnded = true
            defer { state.waitingForEnd = [] }
            return state.waitingForEnd
        }
        for waiter in waiters { waiter.resume() }
    }

    // MARK: The thread

    private func run(_ opened: AccessLogFile) {
        var file = opened
        var writer = AccessLogWriter(format)
        while true {
            let (entries, reopening, isClosing) = take()
            if reopening { reopen(&file) }
            if entries.isEmpty {
                if isClosing { break }
                if !reopening { wakeUp.wait() }
                continue
            }
            let lines = writer.lines(for: entries)
            if let error = file.write(lines) {
                state.withLock { $0.dropped += entries.count }
                logger.error("access log not written", metadata: ["error": .string(String(errno: error))])
            }
            if !isClosing { usleep(Self.pause) }
        }
        file.close()
        endWaiting()
    }

    private func take() -> (entries: [AccessLogEntry], reopening: Bool, isClosing: Bool) {
        state.withLock { state in
            let taken = (state.waiting, state.wantsReopening, state.isClosing)
            state.waiting = []
            state.bytes = 0
            state.wantsReopening = false
            state.isAsleep = taken.0.isEmpty && !taken.1 && !taken.2
            return taken
        }
    }

    private func reopen(_ file: inout AccessLogFile) {
        do throws(ServerError) {
            try file.reopen()
        } catch {
            logger.error("access log not reopened, going on in the old file", metadata: ["error": "\(error)"])
        }
    }
}

extension AccessLog.State {
    /// - Returns: whether the thread has to be woken.
    fileprivate mutating func awake() -> Bool {
        defer { isAsleep = false }
        return isAsleep
    }
}

/// What the log's thread sleeps on.
///
/// `@unchecked Sendable`: sem_t is made for use from several threads (sem_overview(7)), and the pointer never changes.
private final class Bell: @unchecked Sendable {
    private let semaphore: UnsafeMutablePointer<sem_t>

    init() {
        semaphore = .allocate(capacity: 1)
        sem_init(semaphore, 0, 0)
    }

    deinit {
        sem_destroy(semaphore)
        semaphore.deallocate()
    }

    func ring() { sem_post(semaphore) }
    func wait() { while sem_wait(semaphore) != 0, errno == EINTR {} }
}
