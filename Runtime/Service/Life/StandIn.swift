import Glibc

/// The process that serves while this one becomes its next program, seen from the main process.
final class StandIn: Sendable {
    struct State: Sendable {
        var isReady = false
        var hasEnded = false
    }

    let process: pid_t
    let control: HandoverSocket
    let state = Watched(State())

    /// - Parameter onConnection: called with each connection that it gives back, on a thread that may wait.
    init(
        process: pid_t, control: HandoverSocket, onConnection: @escaping @Sendable (Listener.WireProtocol, CInt) -> Void
    ) {
        self.process = process
        self.control = control
        OwnThread.start { [self] in
            while let message = control.receive() {
                switch message {
                case .ready: state.update { $0.isReady = true }
                case .connection(let wireProtocol, let descriptor): onConnection(wireProtocol, descriptor)
                case .takeOver: break
                }
            }
            // Its end of the socket is open for as long as it is there.
            Self.reap(process)
            state.update { $0.hasEnded = true }
        }
    }

    /// Not before: until nobody can ask it to end any more, its number must not be another socket's.
    deinit { close(control.descriptor) }

    /// - Parameter interruption: returns when nobody needs it any more.
    /// - Returns: whether it became ready in time; one that has not is killed.
    func isReady(within time: Duration, or interruption: @escaping @Sendable () async -> Void) async -> Bool {
        let state = state
        _ = await first(within: time, [{ await state.wait { $0.isReady || $0.hasEnded } }, interruption])
        guard state.value.isReady, !state.value.hasEnded else {
            await end(within: .zero)
            return false
        }
        return true
    }

    /// Lets it end in good order, and kills it when that takes too long.
    func end(within time: Duration) async {
        let state = state
        // Its end is still waited for on that descriptor.
        shutdown(control.descriptor, CInt(SHUT_WR))
        if await first(within: time, [{ await state.wait(until: \.hasEnded) }]) == nil { kill(process, SIGKILL) }
        await state.wait(until: \.hasEnded)
    }

    /// Waits for a child's end and forgets it.
    static func reap(_ process: pid_t) {
        var status: CInt = 0
        while waitpid(process, &status, 0) < 0, errno == EINTR {}
    }
}
