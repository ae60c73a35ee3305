import EmulatorControl
import FunctionCore
import FunctionJSON
import HTTPTypes

/// Stands in for https://api.minimax.io: POST /v1/t2a_v2 with real MP3 from espeak-ng and lame. Development only.
public struct MiniMaxEmulator: Function {
    public static let name: FunctionName = "minimax-emulator"
    public static let routes = [Route.post("/v1/t2a_v2", caller: .anyone, limits: .init(body: 256 * 1_024))]

    private let apiKey: String
    private let groupID: String?
    private let board: ControlBoard
    private let desk = SpeechDesk()

    /// - Parameters:
    ///   - apiKey: the one bearer key it accepts.
    ///   - groupID: the only `GroupId` it accepts, where the caller sends one; nil accepts any.
    public init(apiKey: String, groupID: String? = nil, board: ControlBoard) {
        self.apiKey = apiKey
        self.groupID = groupID
        self.board = board
    }

    public func respond(to request: Request, in context: Context) async throws -> Response {
        let traceID = [UInt8].random(count: 16).hex
        var response = try await board.serve(
            .minimax, "t2a", request, kinds: Fault.Kind.miniMax,
            refuse: { fault in
                try MiniMaxError.refusal(fault).map { try .json($0.json(traceID: traceID), status: $1) }
            },
            answer: { fault in
                // Synthesis and hex take longer than an I/O thread may be held.
                try await withTaskExecutorPreference(globalConcurrentExecutor) {
                    try await answer(request, fault, traceID)
                }
            })
        for name in ["Trace-Id", "Minimax-Request-Id"] {
            if let name = HTTPField.Name(name) { response.fields[name] = traceID }
        }
        return response
    }

    private func answer(_ request: Request, _ fault: Fault?, _ traceID: String) async throws -> Response {
        do {
            try checkKey(request)
            let speech = try SpeechRequest(body: request.body)
            let reply = SpeechReply(to: speech, try await desk.speech(for: speech), traceID: traceID)
            if speech.stream, fault == nil { return try stream(reply, repeatsWhole: speech.repeatsWhole) }
            return Response(
                status: .ok, fields: [.contentType: "application/json"], body: .bytes(try reply.whole(fault?.kind)))
        } catch let error as MiniMaxError {
            return try .json(error.json(traceID: traceID))
        }
    }

    private func checkKey(_ request: Request) throws {
        guard let field = request.fields[.authorization], field.hasPrefix("Bearer "), field.count > 7 else {
            throw MiniMaxError(1004, showsData: false)
        }
        guard field.dropFirst(7) == apiKey else { throw MiniMaxError(2049, showsData: false) }
        if let groupID, let sent = request.query["GroupId"], sent != groupID {
            throw MiniMaxError(1004, "token not match group", showsData: false)
        }
    }

    /// Server-sent events; there is no `[DONE]`. All are made here, off the I/O thread that will send them.
    private func stream(_ reply: SpeechReply, repeatsWhole: Bool) throws -> Response {
        let events = try reply.chunks(repeatsWhole: repeatsWhole).map { chunk in
            Array("data: ".utf8) + chunk + Array("\n\n".utf8)
        }
        return Response(
            status: .ok, fields: [.contentType: "text/event-stream"],
            body: .stream(length: nil) { writer in
                for event in events { try await writer.write(event) }
            })
    }
}
