import FunctionChannel
import FunctionCore
import Logging
import NIOCore
import NIOPosix

/// Serves a responder on one or more sockets until it is told to stop, and then ends in good order; or, told to reload,
/// until another process serves and this one can become its next program.
public final class Server: Sendable {
    /// How serving ended.
    public enum Outcome: Sendable {
        case stopped
        /// Another process serves. This one is to clean up and to run ``NextProgram/start()``.
        case reloading(NextProgram)
    }

    /// What has been asked of a server.
    struct Wishes: Sendable {
        var stops = 0
        var reload = false
        /// To a stand-in: that the main process serves again.
        var takeOver = false

        var isAny: Bool { stops > 0 || reload || takeOver }
    }

    let configuration: Configuration
    let serving: Serving
    let connections: Connections
    let wishes = Watched(Wishes())
    let logger: Logger
    var handover: Handover? { configuration.handover }

    public init(responder: any Responder, configuration: Configuration, logger: Logger) {
        self.configuration = configuration
        self.logger = logger
        var serving = Serving(responder, limits: configuration.limits)
        serving.basePath = configuration.basePath
        serving.trustedProxies = configuration.trustedProxies
        if let accessLog = configuration.accessLog { serving.onEnd = accessLog.add }
        self.serving = serving
        connections = Connections(limit: configuration.connections)
    }

    /// Requests whose tasks are running.
    public var requests: Int { serving.gate.count }

    /// Connections that are open.
    public var openConnections: Int { connections.count }

    /// Connections accepted since the start.
    public var acceptedConnections: Int { connections.accepted }

    /// Asks the server to stop, as SIGTERM does; a second time, to stop at once. Does not wait.
    public func triggerStop() { wishes.update { $0.stops += 1 } }

    /// Asks the server to reload, as SIGHUP does. Does not wait.
    public func triggerReload() { wishes.update { $0.reload = true } }

    /// Serves until it is stopped by a signal, by ``triggerStop()``, by the parent's end or by cancelling the task.
    ///
    /// - Parameter onReady: called once all sockets accept connections, with their addresses in the listeners' order.
    /// - Throws: ``ServerError``, or NIO's error, when a socket cannot be had; nothing is left open then.
    @discardableResult
    public func run(onReady: @Sendable ([BoundAddress]) -> Void = { _ in }) async throws -> Outcome {
        let group = MultiThreadedEventLoopGroup(numberOfThreads: max(1, configuration.loops))
        serving.traffic.follow(group)
        var sockets: [OpenSocket] = []
        var signals: Signals?
        do {
            sockets = try await open()
            signals = try await heedSignals(group)
            if let pipe = configuration.parentPipe {
                try await PipeWatcher.watch(pipe, group, atEnd: { [wishes] in wishes.update { $0.stops += 1 } })
            }
            let channels = try await accept(on: sockets, group)
            onReady(zip(channels, sockets).map { BoundAddress($0, $1.listener) })
            let watchdog = configuration.notifier?.watch(group)
            closeUnwanted(sockets)
            let relieved = relieve(group)
            configuration.notifier?.ready()
            let lastAct = Act(sockets: sockets, signals: signals, group: group)
            // In a task of its own: to cancel `run` is to ask for an orderly end, not for none.
            let next = try await withTaskCancellationHandler {
                try await Task { try await serve(lastAct, channels, relieved) }.value
            } onCancel: {
                triggerStop()
            }
            watchdog?.cancel()
            if next == nil { signals?.restore() }
            // A loop that stops drops what its tasks still enqueue, so with tasks left it goes on until the process
            // ends.
            if serving.gate.count == 0 { try await group.shutdownGracefully() }
            if next != nil { signals?.repeat(wishes.value) }
            return next.map { .reloading($0) } ?? .stopped
        } catch {
            close(sockets)
            if handover == nil { signals?.restore() }
            // The first error is the one to tell.
            try? await group.shutdownGracefully()
            throw error
        }
    }

    /// What the parts of a server's life have in common.
    struct Act: Sendable {
        let sockets: [OpenSocket]
        let signals: Signals?
        let group: MultiThreadedEventLoopGroup
    }

    /// - Returns: the program to become; nil after a stop.
    private func serve(_ act: Act, _ channels: [any Channel], _ relieved: StandIn?) async throws -> NextProgram? {
        var (channels, other) = (channels, relieved)
        while true {
            await wishes.wait(until: \.isAny)
            if wishes.value.stops > 0 {
                await stop(act, channels, other)
                return nil
            }
            if wishes.value.takeOver, let control = handover?.control {
                await stopAccepting(channels, act.group)
                guard await giveAway(through: control, or: { [wishes] in await wishes.wait { $0.stops > 0 } }) else {
                    continue
                }
                for socket in act.sockets { socket.close() }
                return nil
            }
            // One reload after the other: the stand-in of the last one ends first.
            if let previous = other {
                let wishes = wishes
                _ = await first(
                    within: configuration.handoverTime,
                    [{ await previous.state.wait(until: \.hasEnded) }, { await wishes.wait { $0.stops > 0 } }])
                guard wishes.value.stops == 0 else { continue }
            }
            wishes.update { $0.reload = false }
            guard let program = configuration.program, let standIn = await standIn(act, running: program) else {
                continue
            }
            other = standIn
            await stopAccepting(channels, act.group)
            let interruption: @Sendable () async -> Void = { [wishes] in
                _ = await first(
                    within: .seconds(86_400),
                    [{ await standIn.state.wait(until: \.hasEnded) }, { await wishes.wait { $0.stops > 0 } }])
            }
            if await giveAway(through: standIn.control, or: interruption) {
                logger.info("becoming the next program", metadata: ["stand_in": "\(standIn.process)"])
                return NextProgram(program, act, standIn, parentPipe: configuration.parentPipe)
            }
            if standIn.state.value.hasEnded {
                logger.error("the stand-in ended by itself; serving as before")
                connections.fire(.stay)
                channels = try await accept(on: act.sockets, act.group)
                configuration.notifier?.ready(status: "serving; the last reload failed")
            }
        }
    }
}
