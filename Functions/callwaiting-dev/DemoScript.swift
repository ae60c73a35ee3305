import Synchronization

/// The demo's lines on the terminal: a step's name when it begins, its result and time when it ends.
final class DemoScript: Sendable {
    private struct State {
        var number = 0
        var lineIsOpen = false
        var stopping: Step?
    }

    private let state = Mutex(State())

    /// One step, begun.
    struct Step: Sendable {
        private let script: DemoScript
        private let started = ContinuousClock.now

        fileprivate init(script: DemoScript) { self.script = script }

        func end(_ result: String) { script.close("     \(result)  (\(started.duration(to: .now).inSeconds))") }
    }

    func begin(_ name: String) -> Step {
        let number = state.withLock { state in
            state.number += 1
            state.lineIsOpen = true
            return state.number
        }
        Terminal.line("\(number < 10 ? " " : "")\(number)  \(name)")
        return Step(script: self)
    }

    /// Something worth seeing in the middle of a long step.
    func note(_ text: String) { Terminal.line("     \(text)") }

    func beginStopping() {
        let step = begin("stop everything")
        state.withLock { $0.stopping = step }
    }

    func endStopping() {
        state.withLock { $0.stopping }?.end("nothing is left running")
    }

    func fail() {
        if state.withLock({ $0.lineIsOpen }) { close("     did not hold") }
    }

    private func close(_ text: String) {
        state.withLock { $0.lineIsOpen = false }
        Terminal.line(text)
    }
}
