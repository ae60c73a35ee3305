import ArgumentParser
import FastCGIWire
import NIOCore
import NIOPosix

/// The least that a FastCGI program in Swift can do: our codec, NIO, and a constant. What `callwaiting` takes beyond
/// this is the price of everything it does for a request.
struct BareCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "bare", abstract: "Answer every FastCGI request with a constant.", shouldDisplay: false)

    @Option(help: "Path of a Unix socket.") var socket: String

    func run() async throws {
        let group = MultiThreadedEventLoopGroup(numberOfThreads: min(System.coreCount, 4))
        let channel = try await ServerBootstrap(group: group)
            .serverChannelOption(.backlog, value: 1_024)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture { try channel.pipeline.syncOperations.addHandler(BareHandler()) }
            }
            .bind(unixDomainSocketPath: socket).get()
        try await channel.closeFuture.get()
    }
}

private final class BareHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private static let answer = Array("Content-Type: application/json\r\n\r\n{\"status\":\"ok\"}".utf8)
    private var connection = Connection()

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var buffer = unwrapInboundIn(data)
        connection.receive(buffer.readBytes(length: buffer.readableBytes) ?? [])
        while let action = connection.next() {
            switch action {
            case .request, .body: break
            case .bodyEnd(let id), .abort(let id): answer(id, context)
            case .send(let bytes): context.write(wrapOutboundOut(ByteBuffer(bytes: bytes)), promise: nil)
            case .close, .fail: context.close(promise: nil)
            }
        }
    }

    private func answer(_ id: UInt16, _ context: ChannelHandlerContext) {
        var bytes = ByteBuffer(bytes: Record(.stdout, id: id, content: Self.answer[...]).bytes)
        guard let end = connection.end(id) else { return }
        bytes.writeBytes(end.bytes)
        context.write(wrapOutboundOut(bytes), promise: nil)
        if case .close = end.next {
            context.flush()
            context.close(promise: nil)
        }
    }

    func channelReadComplete(context: ChannelHandlerContext) { context.flush() }
}
