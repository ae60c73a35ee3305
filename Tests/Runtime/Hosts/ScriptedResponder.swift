import FunctionCore
import Glibc
import HTTPTypes
import Synchronization

/// Answers by the first word of the path, with a small body limit and whatever deadline the test gives.
///
/// `/hello` · `/echo` the body · `/bytes/N` · `/stream/N` N bytes in pieces of 1,000, `/stream/N/declared` with a
/// length · `/broken` a stream that throws after its first piece · `/empty` 204 · `/wait` until cancelled ·
/// `/block` keeps its event loop until `unblock`, for half a minute at most · `/stubborn` until released, cancelled or
/// not · `/address` the caller's · `/fields` two fields of the request
struct ScriptedResponder: Responder {
    var bodyLimit = 1_000
    var deadline = Duration.seconds(10)
    let events = Events()

    func accept(_ head: RequestHead) -> Acceptance {
        guard let name = head.target.segments.first, name != "missing" else {
            return .answer(.text("nothing", status: .notFound))
        }
        return .exchange(
            Exchange(
                bodyLimit: bodyLimit, deadline: .now + deadline,
                answer: { body in await answer(String(name), head, body) },
                refusal: { problem in
                    events.add("refused \(problem.kind.code)")
                    return refuse(problem)
                }))
    }

    func refuse(_ problem: Problem) -> Response { problem.response(instance: RequestID()) }

    private func answer(_ name: String, _ head: RequestHead, _ body: [UInt8]) async -> Response {
        let count = head.target.segments.dropFirst().first.flatMap { Int($0) } ?? 0
        switch name {
        case "hello": return .text("hello\n")
        case "echo": return Response(status: .ok, body: .bytes(body))
        case "bytes": return Response(status: .ok, body: .bytes(pattern(count)))
        case "stream":
            let isDeclared = head.target.segments.count > 2
            return Response(
                status: .ok,
                body: .stream(length: isDeclared ? count : nil) { writer in
                    var rest = pattern(count)[...]
                    while !rest.isEmpty {
                        try await writer.write(Array(rest.prefix(1_000)))
                        rest = rest.dropFirst(1_000)
                    }
                    events.add("streamed")
                })
        case "endless":
            return Response(
                status: .ok,
                body: .stream(length: nil) { writer in
                    defer { events.add("stream ended") }
                    while true { try await writer.write(pattern(10_000)) }
                })
        case "broken":
            return Response(
                status: .ok,
                body: .stream(length: nil) { writer in
                    try await writer.write(Array("begun".utf8))
                    throw CancellationError()
                })
        case "empty": return Response(status: .noContent)
        case "wait":
            events.add("waiting")
            try? await Task.sleep(for: .seconds(60))
            events.add(Task.isCancelled ? "cancelled" : "slept")
            return .text("woken", status: Task.isCancelled ? .serviceUnavailable : .ok)
        case "block":
            let end = ContinuousClock.now + .seconds(30)
            while !events.all.contains("unblock"), .now < end { usleep(10_000) }
            return .text("unblocked")
        case "stubborn":
            events.add("waiting")
            await events.wait(for: "release")
            return .text("late")
        case "address": return .text(head.clientAddress ?? "none")
        default:
            return .text(head.fields.map { "\($0.name.canonicalName)=\($0.value)" }.sorted().joined(separator: "\n"))
        }
    }
}

/// Bytes that tell a lost, doubled or moved piece.
func pattern(_ count: Int) -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(count)
    while bytes.count < count { bytes += patternBlock.prefix(count - bytes.count) }
    return bytes
}

/// A prime number of bytes, so that no power of two falls on its border.
private let patternBlock = (0..<8_191).map { UInt8(truncatingIfNeeded: $0 &* 31 ^ ($0 >> 8)) }

/// What has happened so far, to be waited for.
final class Events: Sendable {
    private struct State {
        var names: [String] = []
        var waiters: [(name: String, continuation: CheckedContinuation<Void, Never>)] = []
    }

    private let state = Mutex(State())

    var all: [String] { state.withLock { $0.names } }

    func add(_ name: String) {
        let due = state.withLock { state in
            state.names.append(name)
            defer { state.waiters.removeAll { $0.name == name } }
            return state.waiters.filter { $0.name == name }
        }
        for waiter in due { waiter.continuation.resume() }
    }

    func wait(for name: String) async {
        await withCheckedContinuation { continuation in
            let waits = state.withLock { state in
                guard !state.names.contains(name) else { return false }
                state.waiters.append((name, continuation))
                return true
            }
            if !waits { continuation.resume() }
        }
    }
}
