import FunctionCore
import HTTPTypes
import Synchronization

/// Stands where a responder will be that cannot be made before its server's port is known. Until then it answers 503.
public final class LateResponder: Responder {
    private let responder = Mutex<(any Responder)?>(nil)

    public init() {}

    public func set(_ responder: any Responder) { self.responder.withLock { $0 = responder } }

    public func accept(_ head: RequestHead) -> Acceptance {
        responder.withLock { $0 }?.accept(head) ?? .answer(refuse(Problem(.overloaded)))
    }

    public func refuse(_ problem: Problem) -> Response {
        responder.withLock { $0 }?.refuse(problem) ?? problem.response(instance: RequestID())
    }

    public func ended(_ report: RequestReport) { responder.withLock { $0 }?.ended(report) }

    public func isSlow(_ request: RequestInFlight) { responder.withLock { $0 }?.isSlow(request) }

    public func endedLate(_ exchange: Exchange, _ response: Response) {
        responder.withLock { $0 }?.endedLate(exchange, response)
    }
}
