import FunctionService
import Glibc
import Logging

/// The life of a process that serves or works: from its program's start to its end, or to its next program.
struct ServingLife: Sendable {
    let program = Program.running()
    let notifier = ServiceNotifier()
    /// A descriptor whose other end only the supervisor holds.
    let parentPipe: Int32?

    /// Runs `serve`, and what a reload puts in this program's place.
    ///
    /// - Throws: what `serve` throws, unless another process of ours serves meanwhile; then that one does until it is
    ///   told to stop.
    func run(_ serve: () async throws -> Server.Outcome) async throws {
        ProcessLimits.takeAllDescriptors()
        let logger = Logger.callwaiting(level: .info)
        do {
            guard case .reloading(let next) = try await serve() else { return }
            logger.critical("the next program did not start", metadata: ["cause": "\(next.start())"])
            throw ServingError(description: "the reload failed")
        } catch {
            let bystander = Bystander(
                program: program, parentPipe: parentPipe, notifier: notifier, logger: logger)
            guard let bystander else { throw error }
            guard bystander.wait(after: error, patience: Self.standInPatience) else { throw error }
        }
    }

    /// How long a stand-in may take to end once this process is told to stop: more than any drain budget that is left to
    /// it by a service manager.
    private static let standInPatience = Duration.seconds(90)
}

extension Server.Configuration {
    mutating func apply(_ life: ServingLife) {
        parentPipe = life.parentPipe
        program = life.program
        notifier = life.notifier
        handover = .ofThisProcess
    }
}
