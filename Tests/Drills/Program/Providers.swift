import FunctionCore
import FunctionJSON
import HTTPTypes
import Synchronization

/// Stands in for OpenAI, MiniMax and Flutterwave: answers at once and always the same, unless a drill says otherwise.
final class Providers: Function {
    static let name: FunctionName = "stand-in"
    static let routes: [Route] = [
        .post("/v1/chat/completions", caller: .anyone), .post("/v1/t2a_v2", caller: .anyone),
        .post("/v3/payments", caller: .anyone), .get("/v3/transactions/verify_by_reference", caller: .anyone),
        .get("/v3/transactions/{id}/verify", caller: .anyone),
    ]

    enum Step: Sendable { case chat, speech }

    /// How a provider answers.
    enum Manner: String, Sendable, CaseIterable {
        case well, serverError, garbage, empty, refusal, truncated
    }

    /// Called when a step is reached, before it is answered.
    private let hook = Mutex<(@Sendable (Step) async -> Manner)?>(nil)
    let checkout = Checkout()

    func when(_ body: (@Sendable (Step) async -> Manner)?) { hook.withLock { $0 = body } }

    func respond(to request: Request, in context: Context) async throws -> Response {
        let path = request.head.target.path
        if path.hasPrefix("/v3/") { return try checkout.respond(to: request) }
        let step: Step = path.hasSuffix("/completions") ? .chat : .speech
        let manner = await hook.withLock { $0 }?(step) ?? .well
        switch manner {
        case .well: return .json(step == .chat ? Self.chat : Self.speech)
        case .serverError: return .json(#"{"error":{"message":"no"}}"#, status: .internalServerError)
        case .garbage: return .json("<html>")
        case .empty: return .json("")
        case .refusal:
            return step == .chat
                ? .json(#"{"error":{"message":"no","code":"insufficient_quota"}}"#, status: .tooManyRequests)
                : .json(#"{"data":null,"base_resp":{"status_code":1008,"status_msg":"insufficient balance"}}"#)
        case .truncated: return .json(String((step == .chat ? Self.chat : Self.speech).dropLast(40)))
        }
    }

    private static let chat = """
        {"id":"chatcmpl-1","object":"chat.completion","created":1750000000,"model":"gpt-4o-mini","choices":[{"index":0,\
        "message":{"role":"assistant","content":"We are open.","refusal":null},"logprobs":null,"finish_reason":"stop"}],\
        "usage":{"prompt_tokens":40,"completion_tokens":12,"total_tokens":52}}
        """

    /// 2.16 s of silence: sixty frames of layer III, 32 kHz, mono, 64 kbit/s, 36 ms and 288 bytes each.
    private static let speech: String = {
        let frame = [0xFF, 0xFB, 0x58, 0xC0] + [UInt8](repeating: 0, count: 284)
        let audio = (0..<60).flatMap { _ in frame }.hex
        return """
            {"data":{"audio":"\(audio)","status":2},"extra_info":{"audio_length":2160,"audio_sample_rate":32000,\
            "bitrate":64000,"audio_format":"mp3","audio_channel":1},"trace_id":"drills",\
            "base_resp":{"status_code":0,"status_msg":"success"}}
            """
    }()
}

extension Response {
    static func json(_ text: String, status: HTTPResponse.Status = .ok) -> Response {
        Response(status: status, fields: [.contentType: "application/json"], body: .bytes(Array(text.utf8)))
    }
}
