import Glibc
import Synchronization

/// Starts programs under watchers, notices when one ends by itself, and ends them.
public final class Supervisor: Sendable {
    private let executable: String
    private let state: StateDirectory
    private let echo: Bool
    private let lifeline: Pipe
    private let log: String
    private let ends: AsyncStream<UnexpectedEnd>
    private let report: AsyncStream<UnexpectedEnd>.Continuation

    /// Where the lines of all programs go, each with its program's name before it.
    public static let logName = "dev.log"

    /// A program that ended though nobody asked it to.
    public struct UnexpectedEnd: Error, CustomStringConvertible {
        public let name: String
        public let status: Termination
        public let log: String
        public var description: String { "\(name) ended by itself: \(status); \(log) has its last words" }
    }

    /// - Parameters:
    ///   - watcher: an executable that calls ``Watcher/runIfAsked(_:)`` first, normally the running one.
    ///   - echo: whether programs' lines go to our standard output as well as to the log.
    public init(watcher: String, state: StateDirectory, echo: Bool) throws(SystemCallError) {
        executable = watcher
        self.state = state
        self.echo = echo
        try Files.createDirectory(state.logs, mode: 0o700)
        log = "\(state.logs)/\(Self.logName)"
        if Files.exists(log) { try SystemCallError.check("rename \(log)", rename(log, "\(log).1")) }
        lifeline = try Pipe()
        (ends, report) = AsyncStream.makeStream()
    }

    deinit { lifeline.closeBoth() }

    /// Says of a program that somebody else started that it ended by itself.
    public func reportEnd(of name: String, _ status: Termination, log: String) {
        report.yield(UnexpectedEnd(name: name, status: status, log: log))
    }

    /// Programs that ended by themselves, as they do.
    public var unexpectedEnds: AsyncStream<UnexpectedEnd> { ends }

    /// Starts a program that is to run until it is stopped.
    ///
    /// - Parameters:
    ///   - endSignal: what asks it to end in good order.
    ///   - grace: how long it may take over that before it is killed, in seconds.
    ///   - isTrial: whether it may end by itself, until ``Program/endTrial()``.
    public func start(
        _ name: String, _ command: Command, endSignal: Int32 = SIGTERM, grace: Int = 10, isTrial: Bool = false
    ) throws(SystemCallError) -> Program {
        let child = try spawn(name, command, endSignal: endSignal, grace: grace)
        let program = Program(name: name, child: child, grace: .seconds(grace), isTrial: isTrial)
        Task { [report, log] in
            let status = await child.exitStatus
            if !program.isEnding { report.yield(UnexpectedEnd(name: name, status: status, log: log)) }
        }
        return program
    }

    /// Runs a program that ends by itself, and waits for that; ends it when the task is cancelled.
    public func run(_ name: String, _ command: Command) async throws(SystemCallError) -> Termination {
        let child = try spawn(name, command, endSignal: SIGTERM, grace: 10)
        return await withTaskCancellationHandler {
            await child.exitStatus
        } onCancel: {
            child.signal(SIGTERM)
        }
    }

    private func spawn(
        _ name: String, _ command: Command, endSignal: Int32, grace: Int
    ) throws(SystemCallError) -> ChildProcess {
        let instructions = Watcher.Instructions(
            name: name, log: log, echo: echo, endSignal: endSignal, grace: grace,
            program: [command.executable] + command.arguments)
        let nothing = try SystemCallError.check("open /dev/null", open("/dev/null", O_RDONLY | O_CLOEXEC))
        defer { close(nothing) }
        return try ChildProcess.start(
            Command(executable, instructions.arguments, environment: command.environment),
            descriptors: [nothing, 1, 2, lifeline.readEnd, state.leftoversDescriptor])
    }
}

extension Supervisor {
    /// A program that runs until it is stopped.
    public final class Program: Sendable {
        public let name: String
        private let child: ChildProcess
        private let grace: Duration
        /// Whether its end, when it comes, is nothing to report.
        private let ending: Atomic<Bool>

        fileprivate init(name: String, child: ChildProcess, grace: Duration, isTrial: Bool) {
            self.name = name
            self.child = child
            self.grace = grace
            ending = Atomic(isTrial)
        }

        /// From now on its end is reported.
        ///
        /// - Returns: false when it has ended already.
        public func endTrial() -> Bool {
            ending.store(false, ordering: .releasing)
            return isRunning
        }

        public var isRunning: Bool { child.isRunning }
        var isEnding: Bool { ending.load(ordering: .acquiring) }
        /// Its watcher's process id, which is that of its process group.
        public var processID: pid_t { child.processID }

        /// How the program ended, once it has.
        public var ended: Termination { get async { await child.exitStatus } }

        /// Asks the program to end and waits until it has; kills it when that takes longer than its grace.
        @discardableResult
        public func stop() async -> Termination {
            ending.store(true, ordering: .releasing)
            child.signal(SIGTERM)
            return await withTaskGroup(of: Void.self) { [child, grace] group in
                group.addTask {
                    if (try? await Task.sleep(for: grace)) != nil { child.killGroup() }
                }
                let status = await child.exitStatus
                group.cancelAll()
                return status
            }
        }

        /// Ends the program at once; ``stop()`` returns soon.
        public func kill() {
            ending.store(true, ordering: .releasing)
            child.killGroup()
        }
    }
}
