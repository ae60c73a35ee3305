import Glibc
import Synchronization

/// A process that we started in a group of its own, known until it has been reaped.
///
/// A thread per child waits for it, so that nothing else has to poll; there are a handful of children.
public final class ChildProcess: Sendable {
    /// Also the id of its process group.
    public let processID: pid_t

    private struct State {
        var status: Termination?
        var waiting: [CheckedContinuation<Termination, Never>] = []
    }

    private let state = Mutex(State())

    private init(processID: pid_t) { self.processID = processID }

    /// - Parameter descriptors: what becomes the child's descriptors 0, 1, 2 …; it has no others.
    static func start(_ command: Command, descriptors: [Int32]) throws(SystemCallError) -> ChildProcess {
        let child = ChildProcess(processID: try command.spawn(group: .own, descriptors: descriptors))
        let retained = Unmanaged.passRetained(child)
        var thread = pthread_t()
        let code = pthread_create(
            &thread, nil,
            { argument in
                guard let argument else { return nil }
                Unmanaged<ChildProcess>.fromOpaque(argument).takeRetainedValue().reap()
                return nil
            }, retained.toOpaque())
        guard code == 0 else {
            retained.release()
            child.signal(SIGKILL)
            throw SystemCallError("pthread_create", code: code)
        }
        pthread_detach(thread)
        return child
    }

    /// How it ended, once it has.
    public var exitStatus: Termination {
        get async {
            await withCheckedContinuation { continuation in
                let status = state.withLock { state in
                    if state.status == nil { state.waiting.append(continuation) }
                    return state.status
                }
                if let status { continuation.resume(returning: status) }
            }
        }
    }

    public var isRunning: Bool { state.withLock { $0.status == nil } }

    /// Sends a signal to the process. Does nothing once it has been reaped, when its number may be somebody else's.
    public func signal(_ signal: Int32) {
        state.withLock { if $0.status == nil { kill(processID, signal) } }
    }

    /// Sends a signal to the process and everything in its group.
    public func signalGroup(_ signal: Int32) {
        state.withLock { if $0.status == nil { kill(-processID, signal) } }
    }

    /// Ends the process and everything in its group, at once.
    public func killGroup() { signalGroup(SIGKILL) }

    /// Waits without reaping, and reaps under the lock: until then the number is the child's and can be signalled.
    private func reap() {
        var info = siginfo_t()
        while waitid(P_PID, id_t(processID), &info, WEXITED | WNOWAIT) == -1, errno == EINTR {}
        let (status, waiting) = state.withLock { state in
            var raw: Int32 = 0
            while waitpid(processID, &raw, 0) == -1, errno == EINTR {}
            let status = Termination(waitStatus: raw)
            state.status = status
            defer { state.waiting = [] }
            return (status, state.waiting)
        }
        for continuation in waiting { continuation.resume(returning: status) }
    }
}
