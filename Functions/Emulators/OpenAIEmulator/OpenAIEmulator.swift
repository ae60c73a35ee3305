import EmulatorControl
import FoundationEssentials
import FunctionCore
import FunctionJSON
import HTTPTypes

/// Stands in for https://api.openai.com: POST /v1/chat/completions, streamed or in one piece, answering from the system
/// prompt it is given. Development only.
public struct OpenAIEmulator: Function {
    public static let name: FunctionName = "openai-emulator"
    public static let routes = [
        Route.post("/v1/chat/completions", caller: .anyone, limits: .init(body: 1_048_576))
    ]

    private let apiKey: String
    private let board: ControlBoard

    /// - Parameter apiKey: the one bearer key it accepts.
    public init(apiKey: String, board: ControlBoard) {
        self.apiKey = apiKey
        self.board = board
    }

    public func respond(to request: Request, in context: Context) async throws -> Response {
        var response = try await board.serve(
            .openai, "chat", request, kinds: Fault.Kind.openAI,
            refuse: { fault in
                try OpenAIError(fault.kind).map { try .json($0.json, status: $0.status) }
            },
            answer: { fault in try answer(request, fault) })
        addFields(to: &response)
        return response
    }

    private func answer(_ request: Request, _ fault: Fault?) throws -> Response {
        do {
            try checkKey(request)
            let chat = try ChatRequest(body: request.body)
            let text = fault?.kind == .emptyReply ? "" : Answering.reply(to: chat.messages)
            let reply = ChatReply(to: chat, text: text, created: Int(Date.now.timeIntervalSince1970))
            return chat.stream ? stream(reply, fault) : try .json(reply.completion)
        } catch let error as OpenAIError {
            return try .json(error.json, status: error.status)
        }
    }

    private func checkKey(_ request: Request) throws {
        guard let field = request.fields[.authorization], field.hasPrefix("Bearer ") else { throw OpenAIError.noKey }
        guard field.dropFirst(7) == apiKey else { throw OpenAIError.wrongKey }
    }

    /// Server-sent events. Each leaves in two pieces, cut inside a character where it has one of several bytes, as a
    /// network may deliver it.
    private func stream(_ reply: ChatReply, _ fault: Fault?) -> Response {
        Response(
            status: .ok, fields: [.contentType: "text/event-stream; charset=utf-8"],
            body: .stream(length: nil) { writer in
                if fault?.kind == .keepAlive { try await writer.write(Array(": keep-alive\n\n".utf8)) }
                for (index, chunk) in reply.chunks.enumerated() {
                    if fault?.kind == .streamError, index == 2 {
                        try await writer.write(Self.event(OpenAIError.serverError.json))
                        return
                    }
                    let event = try Self.event(chunk)
                    let cut = event.firstIndex { $0 >= 0x80 }.map { $0 + 1 } ?? event.count / 2
                    try await writer.write(Array(event[..<cut]))
                    try await writer.write(Array(event[cut...]))
                }
                try await writer.write(Array("data: [DONE]\n\n".utf8))
            })
    }

    private static func event(_ json: JSONValue) throws -> [UInt8] {
        Array("data: ".utf8) + (try json.bytes) + Array("\n\n".utf8)
    }

    /// Beside `X-Request-Id`, which every host adds. Limits are those of a small paid account.
    private func addFields(to response: inout Response) {
        let limit = 10_000
        let remaining = max(0, limit - board.report(of: .openai).requests)
        let fields = [
            ("openai-version", "2020-10-01"), ("openai-processing-ms", "12"),
            ("x-ratelimit-limit-requests", "\(limit)"), ("x-ratelimit-limit-tokens", "200000"),
            ("x-ratelimit-remaining-requests", "\(remaining)"), ("x-ratelimit-remaining-tokens", "199000"),
            ("x-ratelimit-reset-requests", "8.64s"), ("x-ratelimit-reset-tokens", "6m0s"),
        ]
        for (name, value) in fields {
            if let name = HTTPField.Name(name) { response.fields[name] = value }
        }
    }
}
