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
        let text: SpokenInput
        let voiceId: VoicePreset
    }

    public struct Output: Encodable, Sendable {
        let audioUrl: String
        /// Seconds.
        let duration: Double
        let usage: Receipt
    }

    public func respond(to input: Input, from user: User, in context: Context) async throws -> Reply<Output> {
        guard let text = SpokenText(cleaning: input.text.rawValue) else {
            throw Problem.invalid([.init(field: "text", "has nothing that can be spoken")])
        }
        let estimate = SpeechEstimate(of: text).seconds
        let reservation = try await meter.admit(user, estimate: estimate, in: context)
        let speech = try await delivery.making(under: reservation, in: context) {
            try await speaker.speak(text, voice: input.voiceId, in: context)
        }
        let recording = try await delivery.deliver(speech, under: reservation, as: .voice, in: context)
        return .ok(Output(audioUrl: recording.url, duration: recording.duration, usage: recording.receipt))
    }
}

/// A text to be spoken: 1 to 10,000 characters.
struct SpokenInput: BoundedText {
    static let bounds = TextBounds(1...10_000, manyLines: true)
    let rawValue: String
    init(_ accepted: Accepted<String>) { rawValue = accepted.value }
}
