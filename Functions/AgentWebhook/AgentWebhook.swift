import Callers
import FunctionCore
import FunctionJSON
import Metering
import Voice

/// POST /api/agent/{id}/webhook: answers a message in the agent's words and voice.
///
/// Two database round trips: admit (key, quota, prompt and history in one) and settle. None is held open while the
/// language and the speech model are waited for.
public final class AgentWebhook: JSONFunction {
    public static let name: FunctionName = "agent-webhook"
    public static let routes = [Route.post("/api/agent/{id}/webhook", caller: .agent)]

    private let meter: Meter
    private let delivery: MeteredDelivery
    private let replies: ReplyMaker
    /// Messages of a conversation that the model gets to see at most.
    private let historyLimit: Int

    public init(meter: Meter, delivery: MeteredDelivery, replies: ReplyMaker, historyLimit: Int) {
        self.meter = meter
        self.delivery = delivery
        self.replies = replies
        self.historyLimit = historyLimit
    }

    public struct Input: Decodable, Sendable {
        let message: Message
        let conversationId: ConversationID?
    }

    public struct Output: Encodable, Sendable {
        let replyText: String
        let audioUrl: String
        /// Seconds.
        let duration: Double
        let conversationId: String
        let usage: Receipt
    }

    public func respond(to input: Input, from caller: AgentCaller, in context: Context) async throws -> Reply<Output> {
        let admission = try await meter.admit(
            caller, conversation: input.conversationId?.rawValue, historyLimit: historyLimit,
            estimate: replies.estimate.seconds, in: context)
        switch admission {
        case .new(let admission): return .ok(try await answer(input.message, admission, in: context))
        case .replayed(let reply):
            let recording = delivery.again(reply, in: context)
            return .ok(
                Output(replyText: reply.text ?? "", conversationId: reply.conversationID ?? "", recording),
                fields: .replayed)
        }
    }

    private func answer(
        _ message: Message, _ admission: AgentAdmission, in context: Context
    ) async throws -> Output {
        let reply = try await delivery.making(under: admission.reservation, in: context) {
            try await replies.reply(
                to: .init(
                    prompt: admission.systemPrompt, history: admission.history, message: message.rawValue,
                    voice: admission.voice),
                in: context)
        }
        let recording = try await delivery.deliver(
            reply.speech, under: admission.reservation, as: .agentReply,
            exchange: .init(message: message.rawValue, reply: reply.text), in: context)
        return Output(replyText: reply.text, conversationId: admission.conversationID, recording)
    }
}

extension AgentWebhook.Output {
    fileprivate init(replyText: String, conversationId: String, _ recording: MeteredDelivery.Recording) {
        self.init(
            replyText: replyText, audioUrl: recording.url, duration: recording.duration,
            conversationId: conversationId, usage: recording.receipt)
    }
}

/// What somebody says to an agent: 1 to 4,000 characters.
struct Message: BoundedText {
    static let bounds = TextBounds(1...4_000, manyLines: true)
    let rawValue: String
    init(_ accepted: Accepted<String>) { rawValue = accepted.value }
}
