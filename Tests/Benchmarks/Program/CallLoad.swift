import FastCGIWire
import NIOCore
import NIOPosix

/// Calls to agents at a steady rate, however many are under way, over FastCGI with many requests on each connection
/// (§3.3 there; HAProxy's `mpxs-conns`): ten thousand connections in and ten thousand out would be more descriptors than
/// a process commonly may have.
struct CallLoad: Sendable {
    var socket: String
    var calls: Int
    /// A second, evenly spaced.
    var rate: Double
    /// The request of each call, by its number.
    var request: @Sendable (Int) -> (parameters: [NameValuePair], body: [UInt8])

    struct Result: Sendable {
        /// From when a call was due to its whole answer, in milliseconds; of those that were a success.
        var milliseconds: [Int: Double] = [:]
        var failures = 0
        /// Of some of the failures.
        var complaint = ""
        var mostInFlight = 0
    }

    /// What our codec takes on one connection, a few less.
    fileprivate static let requestsPerConnection = 60
    /// From the last call to giving up on what is missing.
    fileprivate static let patience = TimeAmount.seconds(60)

    func run() async throws -> Result {
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let loop = group.next()
        let done = loop.makePromise(of: Result.self)
        loop.execute { CallRun(self, loop, done).start() }
        let result = try await done.futureResult.get()
        try await group.shutdownGracefully()
        return result
    }
}

/// One run; everything in it happens on its loop.
private final class CallRun {
    private let load: CallLoad
    private let eventLoop: any EventLoop
    private let loop: NIOIsolatedEventLoop
    private let done: EventLoopPromise<CallLoad.Result>
    private var result = CallLoad.Result()
    private var begun = NIODeadline.now()
    private var sent = 0
    private var ended = 0
    private var hasEnded = false
    /// Connections with room for another request.
    private var open: [CallConnection] = []
    private var all: [CallConnection] = []

    init(_ load: CallLoad, _ eventLoop: any EventLoop, _ done: EventLoopPromise<CallLoad.Result>) {
        self.load = load
        self.eventLoop = eventLoop
        self.done = done
        loop = eventLoop.assumeIsolated()
    }

    func start() {
        begun = .now()
        tick()
        let length = TimeAmount.milliseconds(Int64(Double(load.calls) / load.rate * 1_000))
        loop.scheduleTask(in: length + CallLoad.patience) { self.finish() }
    }

    private func due(_ number: Int) -> NIODeadline {
        begun + .nanoseconds(Int64(Double(number) / load.rate * 1_000_000_000))
    }

    private func tick() {
        let now = NIODeadline.now()
        while sent < load.calls, due(sent) <= now {
            send(sent)
            sent += 1
        }
        result.mostInFlight = max(result.mostInFlight, sent - ended)
        if sent < load.calls { loop.scheduleTask(deadline: min(due(sent), now + .milliseconds(1))) { self.tick() } }
    }

    private func send(_ number: Int) {
        let (parameters, body) = load.request(number)
        let connection = open.last ?? connect()
        connection.send(parameters, body) { failure in
            if let failure {
                self.result.failures += 1
                self.result.complaint = failure
            } else {
                self.result.milliseconds[number] =
                    Double((NIODeadline.now() - self.due(number)).nanoseconds) / 1_000_000
            }
            if connection.freeIDs.count == 1 { self.open.append(connection) }
            self.end()
        }
        if connection.freeIDs.isEmpty { open.removeLast() }
    }

    private func connect() -> CallConnection {
        let connection = CallConnection()
        open.append(connection)
        all.append(connection)
        let bound = NIOLoopBound(connection, eventLoop: eventLoop)
        ClientBootstrap(group: eventLoop)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture { try channel.pipeline.syncOperations.addHandler(bound.value) }
            }
            .connect(unixDomainSocketPath: load.socket)
            .assumeIsolated()
            .whenFailure { connection.fail("\($0)") }
        return connection
    }

    private func end() {
        ended += 1
        if ended == load.calls { finish() }
    }

    private func finish() {
        guard !hasEnded else { return }
        hasEnded = true
        result.failures += load.calls - ended
        for connection in all { connection.close() }
        done.succeed(result)
    }
}

/// One FastCGI connection with many requests on it; this side is the web server.
private final class CallConnection: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private struct Call {
        var output: [UInt8] = []
        /// Gets nil for a success, else what went wrong.
        let end: (String?) -> Void
    }

    private(set) var freeIDs = Array(1...UInt16(CallLoad.requestsPerConnection))
    private var calls: [UInt16: Call] = [:]
    private var decoder = RecordDecoder()
    private var context: ChannelHandlerContext?
    /// What was sent before there was a connection.
    private var waiting: [UInt8] = []

    func send(_ parameters: [NameValuePair], _ body: [UInt8], end: @escaping (String?) -> Void) {
        guard let id = freeIDs.popLast() else { return end("no request id is free") }
        calls[id] = Call(end: end)
        let bytes = ResponseReader.request(id: id, parameters, body: body, keepConnection: true)
        if let context {
            context.writeAndFlush(wrapOutboundOut(ByteBuffer(bytes: bytes)), promise: nil)
        } else {
            waiting += bytes
        }
    }

    func close() { context?.close(promise: nil) }

    func channelActive(context: ChannelHandlerContext) {
        self.context = context
        context.writeAndFlush(wrapOutboundOut(ByteBuffer(bytes: waiting)), promise: nil)
        waiting = []
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var buffer = unwrapInboundIn(data)
        decoder.append(buffer.readBytes(length: buffer.readableBytes) ?? [])
        do {
            while let record = try decoder.next() { take(record) }
        } catch {
            context.close(promise: nil)
        }
    }

    private func take(_ record: Record) {
        switch record.type {
        case .stdout: calls[record.id]?.output += record.content
        case .endRequest:
            guard let call = calls.removeValue(forKey: record.id) else { return }
            freeIDs.append(record.id)
            // 200 is said by saying nothing, or in so many words.
            let head = String(decoding: call.output.prefix(16), as: UTF8.self)
            let isSuccess =
                record.content.dropFirst(4).first == 0 && (!head.hasPrefix("Status:") || head.contains("200"))
            call.end(isSuccess ? nil : String(decoding: call.output.prefix(600), as: UTF8.self))
        default: break
        }
    }

    func channelInactive(context: ChannelHandlerContext) {
        self.context = nil
        fail("the connection was closed")
    }

    func fail(_ reason: String) {
        let left = calls.values
        calls = [:]
        for call in left { call.end(reason) }
    }
}
