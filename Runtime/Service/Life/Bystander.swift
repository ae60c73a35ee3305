import Glibc
import Logging

/// The main process of a server when its next program could not start: the stand-in serves, and this process keeps it
/// alive, passes a stop on and tries again when told to reload.
public struct Bystander {
    private let handover: Handover
    private let program: Program
    private let parentPipe: CInt?
    private let notifier: ServiceNotifier?
    private let logger: Logger

    /// - Returns: nil unless this process became a new program in a reload, and has not begun to serve.
    public init?(program: Program, parentPipe: CInt?, notifier: ServiceNotifier?, logger: Logger) {
        guard let handover = Handover.received, handover.isSuccessor, handover.signals != nil else { return nil }
        self.handover = handover
        self.program = program
        self.parentPipe = parentPipe
        self.notifier = notifier
        self.logger = logger
    }

    /// Blocks until the stand-in has ended, or this process becomes another program.
    ///
    /// - Parameters:
    ///   - failure: why the program did not start.
    ///   - patience: how long the stand-in may take to end after a stop.
    /// - Returns: whether it ended because of a stop, rather than by itself.
    public func wait(after failure: any Error, patience: Duration) -> Bool {
        guard case .successor(let process) = handover.role, let signals = handover.signals else { return false }
        logger.error("the reload is not complete: its stand-in serves on", metadata: ["cause": "\(failure)"])
        notifier?.ready(status: "a stand-in serves; the last reload failed: \(failure)")
        var stopDeadline: ContinuousClock.Instant?
        while true {
            var watched = [handover.control.descriptor, signals.reading].map {
                pollfd(fd: $0, events: Int16(POLLIN), revents: 0)
            }
            let ready = poll(&watched, nfds_t(watched.count), 1_000)
            notifier?.watchdog()
            if let stopDeadline, stopDeadline <= .now { kill(process, SIGKILL) }
            guard ready > 0 else { continue }
            if watched[0].revents != 0, handover.control.receive() == nil {
                StandIn.reap(process)
                for socket in handover.sockets { socket.removeFile() }
                return stopDeadline != nil
            }
            var number: UInt8 = 0
            guard watched[1].revents != 0, read(signals.reading, &number, 1) == 1 else { continue }
            if Signals.stopping.contains(CInt(number)) {
                notifier?.stopping()
                shutdown(handover.control.descriptor, CInt(SHUT_WR))
                stopDeadline = stopDeadline == nil ? .now + patience : .now
            } else if Signals.reopening.contains(CInt(number)) {
                // It has its own way to the access log.
                kill(process, CInt(number))
            } else if stopDeadline == nil {
                notifier?.reloading()
                let error = NextProgram(program, handover, parentPipe: parentPipe).start()
                logger.error("reload failed", metadata: ["cause": "\(error)"])
            }
        }
    }
}
