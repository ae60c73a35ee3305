import AudioStore
import Voice

/// Seconds held while something is being spoken. Unguessable: whoever knows it may settle it.
public struct Reservation: Sendable, Hashable {
    /// A UUID made by the database.
    let id: String
    /// Seconds held, at most the estimate and at most what was left.
    public let held: Int
    /// Whether it was admitted under an ``IdempotencyKey``, with which its answer is then kept.
    public let isKeyed: Bool
}

/// What admission comes to: something to make, or an answer that was made before under the same ``IdempotencyKey``. Both are
/// kept for as long as a reply takes to make, so both are small: a pointer, or little more.
public enum Admission<New: Sendable>: Sendable {
    case new(New)
    case replayed(StoredReply)
}

/// A reply as it was settled.
public final class StoredReply: Sendable {
    let audio: AudioID
    /// Seconds since 1970 from which the recording is deleted.
    let audioExpires: Int
    let milliseconds: Int
    let receipt: Receipt
    /// What an agent said; nil of speech alone, like the next.
    public let text: String?
    public let conversationID: String?

    init(
        audio: AudioID, audioExpires: Int, milliseconds: Int, receipt: Receipt, text: String?, conversationID: String?
    ) {
        self.audio = audio
        self.audioExpires = audioExpires
        self.milliseconds = milliseconds
        self.receipt = receipt
        self.text = text
        self.conversationID = conversationID
    }
}

/// What an agent's admission brings along for making its reply.
public final class AgentAdmission: Sendable {
    public let reservation: Reservation
    public let systemPrompt: String
    public let voice: VoicePreset
    /// A UUID: the one to continue, or a new one.
    public let conversationID: String
    /// Oldest first.
    public let history: [ChatMessage]

    init(
        reservation: Reservation, systemPrompt: String, voice: VoicePreset, conversationID: String,
        history: [ChatMessage]
    ) {
        self.reservation = reservation
        self.systemPrompt = systemPrompt
        self.voice = voice
        self.conversationID = conversationID
        self.history = history
    }
}

/// What one reply cost, and what is left: sent with every reply.
public struct Receipt: Sendable, Encodable {
    /// The usage log's id, a UUID.
    public let id: String
    /// Whole seconds, rounded up.
    public let secondsCharged: Int
    /// Seconds held by replies still being made, of the whole workspace.
    public let secondsReserved: Int
    /// 60 × minutes granted − seconds used − seconds reserved.
    public let secondsRemaining: Int
}

/// What settling charges for.
public struct Usage: Sendable {
    public enum Kind: String, Sendable {
        case voice
        case agentReply = "agent_reply"
    }

    public var kind: Kind
    /// The real length of the speech.
    public var milliseconds: Int
    public var audio: Audio
    /// The two messages of an agent's reply, kept in its conversation; nil for speech alone.
    public var exchange: MessageExchange?

    public init(kind: Kind, milliseconds: Int, audio: Audio, exchange: MessageExchange? = nil) {
        self.kind = kind
        self.milliseconds = milliseconds
        self.audio = audio
        self.exchange = exchange
    }

    /// A stored recording.
    public struct Audio: Sendable {
        /// 16 bytes.
        public var id: [UInt8]
        public var byteCount: Int
        /// Unix time in seconds, after which the worker deletes it.
        public var expires: Int

        public init(id: [UInt8], byteCount: Int, expires: Int) {
            self.id = id
            self.byteCount = byteCount
            self.expires = expires
        }
    }

    /// What was asked and what was answered.
    public struct MessageExchange: Sendable {
        public var message: String
        public var reply: String

        public init(message: String, reply: String) {
            self.message = message
            self.reply = reply
        }
    }
}
