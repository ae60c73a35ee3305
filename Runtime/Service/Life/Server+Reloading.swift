import FunctionChannel
import Glibc
import Logging
import NIOCore
import NIOPosix

extension Server {
    /// Starts a process that can serve in this one's place, from the program and the settings as they are now.
    ///
    /// - Returns: nil when it did not become ready; the log says so.
    func standIn(_ act: Act, running program: Program) async -> StandIn? {
        logger.info("reloading", metadata: ["program": "\(program.path)"])
        configuration.notifier?.reloading()
        do {
            let (ours, theirs) = try HandoverSocket.pair()
            let handover = Handover(
                role: .standIn, control: theirs, sockets: act.sockets.map(\.handedOn), signals: nil)
            var environment = Program.environment
            for name in ServiceNotifier.variables { environment[name] = nil }
            environment[Handover.variable] = handover.text
            let process: pid_t
            do {
                defer { Glibc.close(theirs.descriptor) }
                process = try program.start(
                    environment: environment,
                    keeping: handover.descriptors + [configuration.parentPipe].compactMap { $0 })
            } catch {
                Glibc.close(ours.descriptor)
                throw error
            }
            let standIn = StandIn(process: process, control: ours) { _, descriptor in Glibc.close(descriptor) }
            let isReady = await standIn.isReady(
                within: configuration.startTime, or: { [wishes] in await wishes.wait { $0.stops > 0 } })
            if isReady { return standIn }
            logger.error("reload failed: what was started did not become ready; serving as before")
        } catch {
            logger.error("reload failed; serving as before", metadata: ["cause": "\(error)"])
        }
        configuration.notifier?.ready(status: "serving; the last reload failed")
        return nil
    }

    /// Tells whoever served before this process that it does now, and takes from it what it has.
    ///
    /// - Returns: the stand-in that is ending now, to the main process.
    func relieve(_ group: MultiThreadedEventLoopGroup) -> StandIn? {
        guard let handover else { return nil }
        switch handover.role {
        case .standIn:
            OwnThread.start { [self] in
                while let message = handover.control.receive() {
                    switch message {
                    case .connection(let wireProtocol, let descriptor): adopt(descriptor, wireProtocol, group)
                    case .takeOver: wishes.update { $0.takeOver = true }
                    case .ready: break
                    }
                }
                wishes.update { $0.stops += 1 }
            }
            _ = handover.control.send(.ready)
            return nil
        case .successor(let process):
            let standIn = StandIn(process: process, control: handover.control) { [self] wireProtocol, descriptor in
                adopt(descriptor, wireProtocol, group)
            }
            _ = handover.control.send(.takeOver)
            let longest = configuration.handoverTime + configuration.cancelTime * 3
            Task { [logger] in
                let state = standIn.state
                if await first(within: longest, [{ await state.wait(until: \.hasEnded) }]) == nil {
                    logger.error("the stand-in did not end; killing it", metadata: ["process": "\(process)"])
                    await standIn.end(within: .zero)
                }
                logger.info("reloaded")
            }
            return standIn
        }
    }

    /// Gives every connection to the process behind `control`, each as soon as nothing is under way on it.
    ///
    /// - Parameter interruption: returns when that makes no sense any more.
    /// - Returns: false when it was interrupted; otherwise nothing is left here.
    func giveAway(through control: HandoverSocket, or interruption: @escaping @Sendable () async -> Void) async -> Bool
    {
        connections.fire(
            .giveAway { [connections] channel in
                guard let wireProtocol = connections.wireProtocol(of: channel) else { return false }
                // What cannot be sent now is tried again.
                let isSent = try? channel.pipeline.syncOperations.withUnsafeTransportIfAvailable(of: CInt.self) {
                    control.send(.connection(wireProtocol, $0))
                }
                return isSent ?? false
            })
        switch await first(within: configuration.handoverTime, [ended, interruption]) {
        case 0: return true
        case 1: return false
        default:
            await cancelRequests()
            return true
        }
    }
}
