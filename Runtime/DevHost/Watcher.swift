import Glibc

/// The small process between the development host and one program that it runs: it passes signals on, writes down what
/// the program prints, and ends the program when the host is gone, however the host went.
///
/// The host's executable becomes a watcher when its first argument says so; see ``runIfAsked(_:)``. It is one thread
/// around one poll(2). What tells it of the host's end is its lifeline, a pipe that the host alone holds open.
public struct Watcher {
    /// What the watcher is told, as arguments.
    public struct Instructions: Sendable, Equatable {
        /// Names the program in the log.
        public var name: String
        /// The file that lines are appended to.
        public var log: String
        /// Whether lines go to the host's own standard output as well.
        public var echo: Bool
        /// The signal that asks the program to end.
        public var endSignal: Int32
        /// From that signal to SIGKILL when the host is gone, in seconds.
        public var grace: Int
        public var program: [String]
    }

    /// The watcher's own descriptors after 0, 1 and 2.
    public enum Descriptor {
        /// A pipe that ends when the host does. The program has it too, under the same number: one that looks at it
        /// ends with the host even when its watcher was killed.
        public static let lifeline: Int32 = 3
        /// Held, never used: see ``StateDirectory``.
        static let leftovers: Int32 = 4
    }

    /// The first argument of a process that is to be a watcher.
    static let word = "watch"
    /// Longest line kept whole, in bytes; a longer one is broken.
    static let lineLimit = 65_536

    /// Turns this process into a watcher, and never returns, when `arguments` ask for one. To be called before anything
    /// else, while the process has one thread.
    public static func runIfAsked(_ arguments: [String] = CommandLine.arguments) {
        guard let instructions = Instructions(arguments: arguments) else { return }
        do {
            var watcher = try Watcher(instructions)
            exit(try watcher.run().shellCode)
        } catch {
            // Where the program's own last words would be, had it started; on the terminal when there is no log either.
            let text = Array("\(instructions.name) | \(error)\n".utf8)
            let log = open(instructions.log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o600)
            _ = Glibc.write(log == -1 ? 2 : log, text, text.count)
            exit(127)
        }
    }

    private let instructions: Instructions
    private let processID: pid_t
    private let signals: Int32
    /// The program's output; -1 once nobody holds its other end any more.
    private var output: Int32
    private let log: Int32
    private var lifeline = Descriptor.lifeline
    private var line: [UInt8] = []
    private var killAt: ContinuousClock.Instant?

    private init(_ instructions: Instructions) throws(SystemCallError) {
        self.instructions = instructions
        // A host that is gone no longer reads what we echo; the log file still does.
        signal(SIGPIPE, SIG_IGN)
        signals = try Signals.catching([SIGTERM, SIGINT, SIGHUP, SIGCHLD])
        log = try SystemCallError.check(
            "open \(instructions.log)", open(instructions.log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o600))
        let pipe = try Pipe()
        output = pipe.readEnd
        let command = Command(
            instructions.program[0], Array(instructions.program.dropFirst()), environment: Self.environment())
        processID = try command.spawn(
            group: .ours, descriptors: [0, pipe.writeEnd, pipe.writeEnd, Descriptor.lifeline])
        close(pipe.writeEnd)
        _ = fcntl(output, F_SETFL, O_NONBLOCK)
    }

    private mutating func run() throws(SystemCallError) -> Termination {
        while true {
            var watched = [lifeline, signals, output].map { pollfd(fd: $0, events: Int16(POLLIN), revents: 0) }
            let ready = poll(&watched, nfds_t(watched.count), timeout)
            if ready == -1, errno != EINTR { throw SystemCallError("poll") }
            if watched[0].revents != 0, hostIsGone() { askToEnd() }
            if watched[1].revents != 0, let status = takeSignals() {
                copyOutput()
                if !line.isEmpty { write(line[...]) }
                return status
            }
            if watched[2].revents != 0 { copyOutput() }
            if let killAt, killAt <= .now { kill(0, SIGKILL) }
        }
    }

    /// To the next thing that happens by itself, in milliseconds; -1 when nothing does.
    private var timeout: Int32 {
        guard let killAt else { return -1 }
        return Int32(max(0, (killAt - .now).components.seconds * 1_000 + 1_000))
    }

    private mutating func askToEnd() {
        lifeline = -1
        killAt = .now + .seconds(instructions.grace)
        kill(processID, instructions.endSignal)
    }

    /// Nobody writes to the lifeline: what can be read of it is its end.
    private func hostIsGone() -> Bool {
        var byte: UInt8 = 0
        return read(lifeline, &byte, 1) == 0
    }

    /// Passes signals on to the program.
    ///
    /// - Returns: how the program ended, if that is what a signal was about.
    private func takeSignals() -> Termination? {
        var number: UInt8 = 0
        while read(signals, &number, 1) == 1 {
            if Int32(number) != SIGCHLD { kill(processID, instructions.endSignal) }
        }
        var raw: Int32 = 0
        return waitpid(processID, &raw, WNOHANG) == processID ? Termination(waitStatus: raw) : nil
    }

    private mutating func copyOutput() {
        var chunk = [UInt8](repeating: 0, count: 65_536)
        while true {
            let count = read(output, &chunk, chunk.count)
            if count == 0 {
                // A pipe that has ended is always ready: to go on waiting for it would be to spin.
                close(output)
                output = -1
            }
            guard count > 0 else { return }
            line += chunk[..<count]
            while let end = line.firstIndex(of: UInt8(ascii: "\n")) {
                write(line[..<end])
                line.removeSubrange(...end)
            }
            if line.count > Self.lineLimit {
                write(line[...])
                line = []
            }
        }
    }

    /// One line in one write, so that those of several watchers don't mix. A full disk must not end the program.
    private func write(_ text: ArraySlice<UInt8>) {
        let whole = Array("\(instructions.name) | ".utf8) + text + [UInt8(ascii: "\n")]
        _ = Glibc.write(log, whole, whole.count)
        if instructions.echo { _ = Glibc.write(1, whole, whole.count) }
    }

    private static func environment() -> [String: String] {
        var result: [String: String] = [:]
        var entry = environ
        while let text = entry.pointee {
            let parts = String(cString: text).split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            if parts.count == 2 { result[String(parts[0])] = String(parts[1]) }
            entry += 1
        }
        return result
    }
}

extension Watcher.Instructions {
    /// The arguments of a process that is to follow these instructions.
    var arguments: [String] {
        [Watcher.word, name, log, echo ? "echo" : "quiet", String(endSignal), String(grace)] + program
    }

    /// - Parameter arguments: the whole of a process's arguments, its own name first.
    init?(arguments: [String]) {
        guard arguments.count > 7, arguments[1] == Watcher.word, let endSignal = Int32(arguments[5]),
            let grace = Int(arguments[6])
        else { return nil }
        self.init(
            name: arguments[2], log: arguments[3], echo: arguments[4] == "echo", endSignal: endSignal, grace: grace,
            program: Array(arguments[7...]))
    }
}
