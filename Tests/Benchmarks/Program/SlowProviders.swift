import DevHost
import FoundationEssentials
import NIOCore
import NIOHTTP1
import NIOPosix

/// Stand-ins for OpenAI and MiniMax that take their time: every answer comes a set time after its question, however many
/// are being waited for. They note how long they really took over each call.
///
/// A call is known by its number, which is in the message, in the reply, and so in the text to be spoken.
final class SlowProviders: Sendable {
    let port: Int
    private let group: MultiThreadedEventLoopGroup
    private let times: NIOLoopBound<ProviderTimes>
    private let loop: any EventLoop

    /// What a caller says, and what the model answers.
    static func message(_ number: Int) -> String { "Question \(number), please." }
    fileprivate static func reply(_ number: Int) -> String { "Answer \(number) is that we open at nine." }
    fileprivate static let markers = ["Question ", "Answer "].map { Array($0.utf8) }

    private init(
        port: Int, group: MultiThreadedEventLoopGroup, times: NIOLoopBound<ProviderTimes>, loop: any EventLoop
    ) {
        self.port = port
        self.group = group
        self.times = times
        self.loop = loop
    }

    /// - Parameters:
    ///   - delay: from a whole question to its answer.
    ///   - speech: an MP3 file.
    static func start(delay: Duration, speech: [UInt8]) async throws -> SlowProviders {
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let loop = group.next()
        let times = try await loop.submit { NIOLoopBound(ProviderTimes(), eventLoop: loop) }.get()
        let hex = speech.map { byte in (byte < 16 ? "0" : "") + String(byte, radix: 16) }.joined()
        let spoken = ByteBuffer(string: ProviderHandler.speech(hex))
        let channel = try await ServerBootstrap(group: group)
            .serverChannelOption(.backlog, value: 4_096)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.configureHTTPServerPipeline(withErrorHandling: false)
                    try channel.pipeline.syncOperations.addHandler(
                        ProviderHandler(times.value, delay: TimeAmount(delay), speech: spoken))
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        return SlowProviders(port: channel.localAddress?.port ?? 0, group: group, times: times, loop: loop)
    }

    /// What both providers took over each call, by its number, in milliseconds. Forgets them.
    func takeTimes() async throws -> [Int: Double] {
        try await loop.submit { [times] in
            defer { times.value.milliseconds = [:] }
            return times.value.milliseconds
        }.get()
    }

    func stop() async throws { try await group.shutdownGracefully() }

    /// Two seconds of a tone, as LAME makes them: 32 kHz, mono, 64 kbit/s, what we ask MiniMax for.
    static func speech(_ lab: Lab) async throws -> [UInt8] {
        let raw = (0..<64_000).flatMap { index -> [UInt8] in
            // A triangle of 400 Hz.
            let sample = UInt16(bitPattern: Int16(abs(index % 80 - 40) * 400 - 8_000))
            return [UInt8(sample & 0xFF), UInt8(sample >> 8)]
        }
        try Files.write(raw, to: lab.path("tone.raw"), mode: 0o600)
        _ = try await lab.output(
            Command(
                "/usr/bin/env",
                [
                    "lame", "--quiet", "-r", "-s", "32", "-m", "m", "--bitwidth", "16", "-b", "64",
                    lab.path("tone.raw"), lab.path("tone.mp3"),
                ], environment: Command.plainEnvironment()))
        return [UInt8](try Data(contentsOf: URL(filePath: lab.path("tone.mp3"))))
    }
}

/// Belongs to one loop.
private final class ProviderTimes {
    var milliseconds: [Int: Double] = [:]
}

private final class ProviderHandler: ChannelInboundHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundOut = HTTPServerResponsePart

    private let times: ProviderTimes
    private let delay: TimeAmount
    private let speech: ByteBuffer
    private var isChat = false
    private var body = ByteBuffer()

    /// - Parameter speech: the answer of whoever speaks, made once: what is spent here is missing where it is measured.
    init(_ times: ProviderTimes, delay: TimeAmount, speech: ByteBuffer) {
        self.times = times
        self.delay = delay
        self.speech = speech
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head(let head):
            isChat = head.uri.hasSuffix("/chat/completions")
            body.clear()
        case .body(var bytes): body.writeBuffer(&bytes)
        case .end: answerLater(context)
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }

    private func answerLater(_ context: ChannelHandlerContext) {
        let received = NIODeadline.now()
        let number = Self.number(in: body) ?? -1
        let answer = isChat ? ByteBuffer(string: Self.chat(number)) : speech
        context.eventLoop.assumeIsolated().scheduleTask(deadline: received + delay) {
            let headers = HTTPHeaders([
                ("Content-Type", "application/json"), ("Content-Length", "\(answer.readableBytes)"),
            ])
            context.write(
                self.wrapOutboundOut(.head(.init(version: .http1_1, status: .ok, headers: headers))), promise: nil)
            context.write(self.wrapOutboundOut(.body(.byteBuffer(answer))), promise: nil)
            context.writeAndFlush(self.wrapOutboundOut(.end(nil)), promise: nil)
            let taken = Double((NIODeadline.now() - received).nanoseconds) / 1_000_000
            self.times.milliseconds[number, default: 0] += taken
        }
    }

    /// Looked for by hand: the generic search was most of what the providers took.
    private static func number(in body: ByteBuffer) -> Int? {
        body.withUnsafeReadableBytes { bytes in
            for start in bytes.indices {
                for marker in SlowProviders.markers where bytes[start...].starts(with: marker) {
                    let digits = bytes[(start + marker.count)...].prefix {
                        (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0)
                    }
                    return Int(String(decoding: digits, as: UTF8.self))
                }
            }
            return nil
        }
    }

    private static func chat(_ number: Int) -> String {
        """
        {"id":"chatcmpl-\(number)","object":"chat.completion","created":1750000000,"model":"gpt-4o-mini","choices":\
        [{"index":0,"message":{"role":"assistant","content":"\(SlowProviders.reply(number))","refusal":null},\
        "logprobs":null,"finish_reason":"stop"}],"usage":{"prompt_tokens":40,"completion_tokens":12,"total_tokens":52}}
        """
    }

    static func speech(_ hex: String) -> String {
        """
        {"data":{"audio":"\(hex)","status":2},"extra_info":{"audio_length":2052,"audio_sample_rate":32000,\
        "bitrate":64000,"audio_format":"mp3","audio_channel":1},"trace_id":"bench",\
        "base_resp":{"status_code":0,"status_msg":"success"}}
        """
    }
}
