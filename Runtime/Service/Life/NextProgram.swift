import Glibc
import Logging

/// What the main process becomes once another process serves in its place.
public struct NextProgram: Sendable {
    private let program: Program
    private let handover: Handover
    private let parentPipe: CInt?

    init(_ program: Program, _ act: Server.Act, _ standIn: StandIn, parentPipe: CInt?) {
        self.program = program
        self.parentPipe = parentPipe
        handover = Handover(
            role: .successor(standIn: standIn.process), control: standIn.control,
            sockets: act.sockets.map(\.handedOn),
            signals: act.signals.map { Handover.Pipe(reading: $0.readingEnd, writing: $0.writingEnd) })
    }

    init(_ program: Program, _ handover: Handover, parentPipe: CInt?) {
        self.program = program
        self.handover = handover
        self.parentPipe = parentPipe
    }

    /// Becomes it. Everything else of this process must have ended, or may end in the middle.
    ///
    /// - Returns: what was wrong when that failed, also with the program that runs now.
    public func start() -> ServerError {
        Signals.hold()
        var environment = Program.environment
        environment[Handover.variable] = handover.text
        let kept = handover.descriptors + [parentPipe].compactMap { $0 }
        let error = program.replaceProcess(environment: environment, keeping: kept)
        // Its file is gone, or cannot be executed: the one that runs now has the new settings at least.
        _ = Program(path: "/proc/self/exe", arguments: program.arguments)
            .replaceProcess(environment: environment, keeping: kept)
        Signals.letCome()
        return error
    }
}
