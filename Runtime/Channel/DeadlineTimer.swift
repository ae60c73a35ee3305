import NIOCore

/// One moving deadline on an event loop, cheap to move: an armed timer that fires too early is armed again, and never
/// cancelled for being pushed back, so a connection that carries thousands of requests arms it a few times.
///
/// Used on its event loop only.
public final class DeadlineTimer: NIOScheduledCallbackHandler {
    private let loop: any EventLoop
    private var armed: (due: NIODeadline, callback: NIOScheduledCallback)?
    private var action: (() -> Void)?

    /// When to act; nil for never.
    public var deadline: NIODeadline? {
        didSet { arm() }
    }

    /// - Parameter action: called once ``deadline`` has passed, with `deadline` nil again.
    public init(on loop: any EventLoop, action: @escaping () -> Void) {
        self.loop = loop
        self.action = action
    }

    /// Never acts again, and lets go of the action.
    public func stop() {
        action = nil
        deadline = nil
        armed?.callback.cancel()
        armed = nil
    }

    public func handleScheduledCallback(eventLoop: some EventLoop) {
        armed = nil
        guard let deadline else { return }
        guard deadline <= .now() else { return arm() }
        self.deadline = nil
        action?()
    }

    private func arm() {
        guard let deadline, action != nil else { return }
        if let armed {
            if armed.due <= deadline { return }
            armed.callback.cancel()
        }
        // `assumeIsolated` is checked: this is the loop's own thread.
        guard let callback = try? loop.assumeIsolated().scheduleCallback(at: deadline, handler: self) else { return }
        armed = (deadline, callback)
    }
}

extension NIODeadline {
    /// The same instant on NIO's clock, give or take the time between two looks at it.
    public init(_ instant: ContinuousClock.Instant) {
        self = .now() + TimeAmount(ContinuousClock.now.duration(to: instant))
    }
}
