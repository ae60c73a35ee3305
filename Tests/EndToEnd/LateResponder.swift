import FunctionCore
import Synchronization

/// Serves a responder that is made only after the server's address is known.
final class LateResponder: Responder {
    private let responder = Mutex<(any Responder)?>(nil)

    func set(_ responder: any Responder) { self.responder.withLock { $0 = responder } }

    func accept(_ head: RequestHead) -> Acceptance {
        responder.withLock { $0 }?.accept(head) ?? .answer(refuse(Problem(.overloaded)))
    }

    func refuse(_ problem: Problem) -> Response {
        responder.withLock { $0 }?.refuse(problem) ?? problem.response(instance: RequestID())
    }
}
