import NIOCore
import NIOHTTP1
import NIOPosix

/// Sends requests at the times they are due, whatever has become of earlier ones, and measures each from the time it
/// was due: a server that stalls is charged for everybody it kept waiting (no coordinated omission).
struct OpenLoop: Sendable {
    var address: HTTPAddress
    var path: String
    var fields: [String: String] = [:]
    /// Requests a second, evenly spaced.
    var rate: Double
    var seconds: Double
    /// From the last request to giving up on what is missing.
    var patience = TimeAmount.seconds(10)

    struct Result: Sendable {
        /// Of answers that were a success, in milliseconds, sorted.
        var milliseconds: [Double]
        /// Requests that had another answer, or none.
        var failures: Int
    }

    func run() async throws -> Result {
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let loop = group.next()
        let done = loop.makePromise(of: Result.self)
        loop.execute { OpenLoopRun(self, loop, done).start() }
        let result = try await done.futureResult.get()
        try await group.shutdownGracefully()
        return result
    }

    /// One request, now.
    ///
    /// - Returns: nil unless there is an answer, and it is a 200.
    static func get(_ path: String, _ fields: [String: String], from address: HTTPAddress) async throws -> String? {
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let loop = group.next()
        let done = loop.makePromise(of: String?.self)
        let head = OpenLoop(address: address, path: path, fields: fields, rate: 1, seconds: 0).head
        ClientBootstrap(group: loop)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHTTPClientHandlers()
                    try channel.pipeline.syncOperations.addHandler(
                        ClientHandler { status, body in done.succeed(status == 200 ? body : nil) })
                }
            }
            .connect(host: "127.0.0.1", port: address.port)
            .whenComplete { result in
                switch result {
                case .success(let channel):
                    channel.write(HTTPClientRequestPart.head(head), promise: nil)
                    channel.writeAndFlush(HTTPClientRequestPart.end(nil), promise: nil)
                case .failure: done.succeed(nil)
                }
            }
        let answer = try await done.futureResult.get()
        try await group.shutdownGracefully()
        return answer
    }

    fileprivate var head: HTTPRequestHead {
        var headers = HTTPHeaders([("Host", "127.0.0.1")])
        for (name, value) in fields { headers.add(name: name, value: value) }
        return HTTPRequestHead(version: .http1_1, method: .GET, uri: path, headers: headers)
    }
}

/// One run; everything in it happens on its loop.
private final class OpenLoopRun {
    private let plan: OpenLoop
    private let loop: NIOIsolatedEventLoop
    private let eventLoop: any EventLoop
    private let done: EventLoopPromise<OpenLoop.Result>
    private let head: HTTPRequestHead
    private let total: Int
    private var begun = NIODeadline.now()
    private var sent = 0
    private var ended = 0
    private var milliseconds: [Double] = []
    private var idle: [any Channel] = []
    private var hasEnded = false

    init(_ plan: OpenLoop, _ eventLoop: any EventLoop, _ done: EventLoopPromise<OpenLoop.Result>) {
        self.plan = plan
        self.eventLoop = eventLoop
        self.done = done
        loop = eventLoop.assumeIsolated()
        head = plan.head
        total = Int(plan.rate * plan.seconds)
        milliseconds.reserveCapacity(total)
    }

    func start() {
        begun = .now()
        tick()
        loop.scheduleTask(in: .milliseconds(Int64(plan.seconds * 1_000)) + plan.patience) { self.finish() }
    }

    private func due(_ index: Int) -> NIODeadline {
        begun + .nanoseconds(Int64(Double(index) / plan.rate * 1_000_000_000))
    }

    private func tick() {
        let now = NIODeadline.now()
        while sent < total, due(sent) <= now {
            send(due: due(sent))
            sent += 1
        }
        if sent < total { loop.scheduleTask(deadline: min(due(sent), now + .milliseconds(1))) { self.tick() } }
    }

    private func send(due: NIODeadline) {
        while let channel = idle.popLast() {
            if channel.isActive { return send(due: due, on: channel) }
        }
        ClientBootstrap(group: eventLoop)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHTTPClientHandlers()
                    try channel.pipeline.syncOperations.addHandler(ClientHandler())
                }
            }
            .connect(host: "127.0.0.1", port: plan.address.port)
            .assumeIsolated()
            .whenComplete { result in
                switch result {
                case .success(let channel): self.send(due: due, on: channel)
                case .failure: self.end()
                }
            }
    }

    private func send(due: NIODeadline, on channel: any Channel) {
        guard let handler = try? channel.pipeline.syncOperations.handler(type: ClientHandler.self) else { return end() }
        handler.onAnswer = { status, _ in
            if status == 200 {
                self.milliseconds.append(Double((NIODeadline.now() - due).nanoseconds) / 1_000_000)
                self.idle.append(channel)
            } else {
                channel.close(promise: nil)
            }
            self.end()
        }
        channel.write(HTTPClientRequestPart.head(head), promise: nil)
        channel.writeAndFlush(HTTPClientRequestPart.end(nil), promise: nil)
    }

    private func end() {
        ended += 1
        if ended == total { finish() }
    }

    private func finish() {
        guard !hasEnded else { return }
        hasEnded = true
        for channel in idle { channel.close(promise: nil) }
        idle = []
        done.succeed(OpenLoop.Result(milliseconds: milliseconds.sorted(), failures: total - milliseconds.count))
    }
}

/// One request at a time on a connection. A connection that ends before its answer is an answer with status 0.
final class ClientHandler: ChannelInboundHandler {
    typealias InboundIn = HTTPClientResponsePart

    var onAnswer: ((_ status: UInt, _ body: String) -> Void)?
    private var status: UInt = 0
    private var body = ""

    init(_ onAnswer: ((_ status: UInt, _ body: String) -> Void)? = nil) { self.onAnswer = onAnswer }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head(let head):
            status = head.status.code
            body = ""
        case .body(let bytes): body += String(buffer: bytes)
        case .end: answer()
        }
    }

    func channelInactive(context: ChannelHandlerContext) {
        status = 0
        answer()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }

    private func answer() {
        let handler = onAnswer
        onAnswer = nil
        handler?(status, body)
    }
}
