import FunctionCore
import Glibc

/// What a server's next process, or next program in the same process, gets from the one before: its sockets, and the way
/// to the process that serves meanwhile. It travels in an environment variable, a line for each thing.
///
/// A reload goes like this. The main process starts a stand-in, a whole server from the program and settings as they are
/// now. When that is ready the main process gives it its connections, each between two requests, waits for its last
/// answer, and becomes the new program. When that is ready the stand-in gives everything back and ends. The process id
/// stays, the listening sockets stay open throughout, and no connection is closed.
public struct Handover: Sendable {
    enum Role: Sendable, Hashable {
        case standIn
        /// The main process with its new program, and who stands in for it.
        case successor(standIn: pid_t)
    }

    struct Socket: Sendable, Hashable {
        /// ``Listener/Endpoint/key`` of what it was opened for.
        var key: String
        var descriptor: CInt
        /// The socket's own file, told from others; nil where it has none that is ours.
        var file: UnixSocketFile.Identity?

        /// Removes the file, unless it is somebody else's by now.
        func removeFile() {
            guard let file, key.hasPrefix(Self.pathPrefix) else { return }
            UnixSocketFile(path: String(key.dropFirst(Self.pathPrefix.count)), identity: file).remove()
        }

        static let pathPrefix = "unix "
    }

    let role: Role
    let control: HandoverSocket
    let sockets: [Socket]
    /// The two ends of the pipe that signals arrive on.
    let signals: Pipe?

    struct Pipe: Sendable, Hashable {
        var reading: CInt
        var writing: CInt
    }

    static let variable = "FUNCTION_SERVICE_HANDOVER"

    /// What this process was handed. The environment no longer has it, so that no child takes it for its own.
    static let received: Handover? = {
        guard let text = InheritedSockets.environment(variable) else { return nil }
        unsetenv(variable)
        return Handover(text)
    }()

    /// What this process was handed; nil unless a reload started it.
    public static var ofThisProcess: Handover? { received }

    /// Makes the process ready for signals, above all one that was started for a reload. Call it first, while there is
    /// one thread.
    public static func prepare() {
        // A supervisor may have left them blocked, and a server that cannot hear SIGTERM has to be killed.
        guard let handover = received else {
            // What asks a server for something must not end a process that is about to become one, or has been one.
            Signals.ignore(Signals.reopening + [SIGUSR2])
            return Signals.letCome()
        }
        for descriptor in handover.descriptors { _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC) }
        _ = receivedSignals
        // The program before this one held them, so that none came while nobody was there for it.
        Signals.letCome()
    }

    /// Installed as early as possible, and for ever.
    static let receivedSignals: Signals? = {
        guard let handover = received else { return nil }
        guard let pipe = handover.signals else {
            Signals.ignore(Signals.reloading)
            return nil
        }
        // With a pipe given there is nothing in it that can fail.
        return try? Signals(
            Signals.stopping + Signals.reloading + Signals.reopening, continuing: (pipe.reading, pipe.writing))
    }()

    var descriptors: [CInt] {
        [control.descriptor] + sockets.map(\.descriptor) + (signals.map { [$0.reading, $0.writing] } ?? [])
    }

    var isSuccessor: Bool { if case .successor = role { true } else { false } }

    /// Whether this process only serves while another becomes its next program.
    public var isStandIn: Bool { !isSuccessor }

    func socket(for endpoint: Listener.Endpoint) -> Socket? { sockets.first { $0.key == endpoint.key } }
}

extension Handover {
    /// One line for each thing; a key comes last on its line, since it may have spaces in it.
    var text: String {
        var lines: [String] = []
        switch role {
        case .standIn: lines.append("stand-in")
        case .successor(let process): lines.append("successor \(process)")
        }
        lines.append("control \(control.descriptor)")
        if let signals { lines.append("signals \(signals.reading) \(signals.writing)") }
        for socket in sockets {
            let file = socket.file ?? UnixSocketFile.Identity(device: 0, inode: 0, modified: 0)
            lines.append("socket \(socket.descriptor) \(file.device) \(file.inode) \(file.modified) \(socket.key)")
        }
        return lines.joined(separator: "\n")
    }

    /// - Returns: nil for what is no hand-over.
    init?(_ text: String) {
        var role: Role?
        var control: CInt?
        var signals: Pipe?
        var sockets: [Socket] = []
        for line in text.split(separator: "\n") {
            let words = line.split(separator: " ", maxSplits: 5).map(String.init)
            let numbers = words.dropFirst().prefix(4).map { Int(strictDecimal: $0) ?? 0 }
            let descriptors = numbers.map { CInt(truncatingIfNeeded: $0) }
            switch (words[0], words.count) {
            case ("stand-in", 1): role = .standIn
            case ("successor", 2): role = .successor(standIn: descriptors[0])
            case ("control", 2): control = descriptors[0]
            case ("signals", 3): signals = Pipe(reading: descriptors[0], writing: descriptors[1])
            case ("socket", 6):
                let file = UnixSocketFile.Identity(
                    device: UInt64(numbers[1]), inode: UInt64(numbers[2]), modified: UInt64(numbers[3]))
                sockets.append(
                    Socket(key: words[5], descriptor: descriptors[0], file: file.inode == 0 ? nil : file))
            default: return nil
            }
        }
        guard let role, let control else { return nil }
        self.init(role: role, control: HandoverSocket(descriptor: control), sockets: sockets, signals: signals)
    }
}
