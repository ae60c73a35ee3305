import Callers
import FunctionCore
import FunctionJSON
import Metering
import Problems
import Voice

/// POST /api/generate-voice: has a text spoken.
public struct GenerateVoice: JSONFunction {
    public static let name: FunctionName = "generate-voice"
    public static let routes = [Route.post("/api/generate-voice", caller: .user)]

    private let meter: Meter
    private let delivery: MeteredDelivery
    private let speaker: Speaker

    public init(meter: Meter, delivery: MeteredDelivery, speaker: Speaker) {
        self.meter = meter
        self.delivery = delivery
        self.speaker = speaker
    }

    public struct Input: Decodable, Sendable {
        let text: SpokenText
        let voiceId: VoicePreset
    }

    public struct Output: Encodable, Sendable {
        let audioUrl: String
        /// Seconds.
        let duration: Double
        let usage: Receipt
    }

    public func respond(to input: Input, from user: User, in context: Context) async throws -> Reply<Output> {
        let estimate = SpeechEstimate(of: input.text).seconds
        let reservation: Reservation
        switch try await meter.admit(user, estimate: estimate, in: context) {
        case .new(let new): reservation = new
        case .replayed(let reply): return .ok(Output(delivery.again(reply, in: context)), fields: .replayed)
        }
        let speech = try await delivery.making(under: reservation, in: context) {
            try await speaker.speak(input.text, voice: input.voiceId, in: context)
        }
        let recording = try await delivery.deliver(speech, under: reservation, as: .voice, in: context)
        return .ok(Output(recording))
    }
}

extension GenerateVoice.Output {
    fileprivate init(_ recording: MeteredDelivery.Recording) {
        self.init(audioUrl: recording.url, duration: recording.duration, usage: recording.receipt)
    }
}
