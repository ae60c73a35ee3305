import FunctionChannel
import Glibc
import Logging
import NIOCore
import NIOPosix

extension Server {
    /// Heeds the signals of this process, if it is to.
    func heedSignals(_ group: MultiThreadedEventLoopGroup) async throws -> Signals? {
        guard configuration.handlesSignals else { return nil }
        let signals: Signals
        if let received = handover?.isSuccessor == true ? Handover.receivedSignals : nil {
            signals = received
        } else {
            let reloads = handover == nil && configuration.program != nil
            signals = try Signals(Signals.stopping + Signals.reopening + (reloads ? Signals.reloading : []))
        }
        let terminal = (CInt(0)...2).first { isatty($0) == 1 }
        try await PipeWatcher.watch(signals.readingEnd, group) { [wishes, accessLog = configuration.accessLog] number in
            if Signals.reopening.contains(CInt(number)) {
                accessLog?.reopen()
                return
            }
            let isHangUp = CInt(number) == SIGHUP && terminal.map(Self.hasHungUp) ?? false
            let reloads = Signals.reloading.contains(CInt(number)) && !isHangUp
            wishes.update { if reloads { $0.reload = true } else { $0.stops += 1 } }
        }
        return signals
    }

    /// Whether a terminal is gone. Then SIGHUP says so to what was started there, and means the end as it does for every
    /// program.
    private static func hasHungUp(_ terminal: CInt) -> Bool {
        var question = pollfd(fd: terminal, events: 0, revents: 0)
        return poll(&question, 1, 0) == 1 && question.revents & Int16(POLLHUP | POLLERR | POLLNVAL) != 0
    }

    /// Lets requests end, within the budget, and then ends those that are left.
    ///
    /// - Parameter other: a process of ours that serves too.
    func stop(_ act: Act, _ channels: [any Channel], _ other: StandIn?) async {
        configuration.notifier?.stopping()
        configuration.draining.begin()
        logger.info("stopping", metadata: ["requests": "\(serving.gate.count)"])
        let wishes = wishes
        if configuration.drainDelay > .zero {
            _ = await first(within: configuration.drainDelay, [{ await wishes.wait { $0.stops > 1 } }])
        }
        // The stand-in answers what it has accepted, in the same time.
        async let otherEnd: Void? = other?.end(within: configuration.drainTime + configuration.cancelTime * 2)
        // Said before the sockets close, so that whoever finds them closed is told by each answer as well.
        connections.fire(.drain)
        for socket in act.sockets { socket.file?.remove() }
        await stopAccepting(channels, act.group)
        for socket in act.sockets { socket.close() }
        if await first(within: configuration.drainTime, [ended, { await wishes.wait { $0.stops > 1 } }]) != 0 {
            await cancelRequests()
        }
        let left = serving.gate.count
        if left > 0 { logger.error("requests did not end", metadata: ["requests": "\(left)"]) }
        if wishes.value.stops > 1 { await other?.end(within: .zero) }
        await otherEnd
    }

    /// Ends what has not ended by itself.
    func cancelRequests() async {
        logger.warning("cancelling requests", metadata: ["requests": "\(serving.gate.count)"])
        connections.fire(.cancel)
        _ = await first(within: configuration.cancelTime, [ended])
        connections.closeAll()
        _ = await first(within: configuration.cancelTime, [ended])
    }

    /// Returns once there is neither a connection nor a request's task.
    var ended: @Sendable () async -> Void {
        { [connections, gate = serving.gate] in
            await connections.whenEmpty()
            await gate.whenEmpty()
        }
    }
}
