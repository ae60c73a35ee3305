import AudioStore
import Callers
import FoundationEssentials
import FunctionCore
import PostgresClient
import Problems
import Synchronization
import Voice

/// Admits before anything is spent and settles after it is stored: one SQL function each, one round trip each. What is to
/// be settled while an earlier settling is under way is settled together.
///
/// A hold belongs to a lease. A process that dies between the two leaves a hold that expires by itself, uncharged.
public final class Meter: Sendable {
    private let database: Database
    /// How long a hold lives without being settled: twice the request's deadline.
    private let lease: Duration
    private let limits: Limits
    let settlements: Batcher<Settlement, Result<Receipt, any Error>?>

    /// How much one caller may ask for.
    public struct Limits: Sendable {
        /// Per key.
        public var agent: RateLimit
        /// Replies of one agent at a time; 0 is no limit.
        public var agentCallsAtOnce: Int
        /// Per person.
        public var speech: RateLimit

        public init(agent: RateLimit = .none, agentCallsAtOnce: Int = 0, speech: RateLimit = .none) {
            self.agent = agent
            self.agentCallsAtOnce = agentCallsAtOnce
            self.speech = speech
        }
    }

    /// - Parameter lockTimeout: How long what is settled together waits for a workspace that somebody else has locked. Then
    ///   each is settled by itself, so that nobody waits any longer for a workspace that is not its own.
    public init(
        database: Database, lease: Duration, limits: Limits = .init(), lockTimeout: Duration = .milliseconds(500)
    ) {
        self.database = database
        self.lease = lease
        self.limits = limits
        settlements = Batcher(concurrency: Settlement.concurrency, limit: Settlement.limit) {
            await Settlement.settle($0, lockTimeout: lockTimeout, in: database)
        }
    }

    /// Holds up to `estimate` seconds of the user's workspace.
    ///
    /// Not stopped by the caller's leaving, like the one for an agent's caller: an answer that nobody waits for would
    /// leave a hold that nobody releases before its lease is over.
    ///
    /// - Throws: ``Problem`` 402 `quota_exceeded` or `subscription_expired`, 403 `forbidden` for a workspace that the
    ///   user is not in, 409 and 422 as ``IdempotencyKey`` has it, 429 `rate_limited`, 503 when the database is not
    ///   available.
    public func admit(
        _ user: User, estimate seconds: Int, in context: Context
    ) async throws -> Admission<Reservation> {
        if let key = user.idempotency { return try await admit(user, under: key, estimate: seconds, in: context) }
        let row = try await database.row(
            """
            select outcome, reservation_id, held, retry_after
            from private.admit_user($1::uuid, $2::int, $3::int, $4::int)
            """, [user.workspace, seconds, leaseSeconds, limits.speech.perMinute], as: .meter, for: user,
            shielded: true, in: context)
        return .new(try Self.reservation(from: row, limits.speech, isKeyed: false))
    }

    private func admit(
        _ user: User, under key: IdempotencyKey, estimate seconds: Int, in context: Context
    ) async throws -> Admission<Reservation> {
        let row = try await database.row(
            """
            select outcome, reservation_id, held, retry_after, usage_id, charged, reserved, remaining, milliseconds,
              audio_id, audio_expires, null as reply_text, null as conversation_id
            from private.admit_user($1::uuid, $2::int, $3::int, $4::int, $5::bytea, $6::bytea)
            """, [user.workspace, seconds, leaseSeconds, limits.speech.perMinute, key.hash, key.fingerprint],
            as: .meter, for: user, shielded: true, in: context)
        if let reply = try StoredReply(from: row) { return .replayed(reply) }
        return .new(try Self.reservation(from: row, limits.speech, isKeyed: true))
    }

    /// Checks an agent's key and holds up to `estimate` seconds of its workspace.
    ///
    /// - Parameters:
    ///   - conversation: to be continued; nil begins one.
    ///   - historyLimit: messages of it to return at most.
    /// - Throws: ``Problem`` 401 alike for an unknown agent, a wrong key and an inactive agent; 422 for a conversation
    ///   that is not this agent's or has expired; 429 `too_many_at_once`; and as ``admit(_:estimate:in:)``.
    public func admit(
        _ caller: AgentCaller, conversation: String?, historyLimit: Int, estimate seconds: Int, in context: Context
    ) async throws -> Admission<AgentAdmission> {
        let parameters: [(any PostgresBindable)?] = [
            caller.agent.description, caller.key.hash, seconds, leaseSeconds, conversation, historyLimit,
            limits.agent.perMinute, limits.agentCallsAtOnce,
        ]
        guard let key = caller.idempotency else {
            let row = try await database.row(
                """
                select outcome, reservation_id, held, system_prompt, voice_id, conversation_id, history, retry_after
                from private.admit_agent($1::uuid, $2::bytea, $3::int, $4::int, $5::uuid, $6::int, $7::int, $8::int)
                """, parameters, as: .agent, shielded: true, in: context)
            return .new(try admission(from: row, isKeyed: false))
        }
        let row = try await database.row(
            """
            select outcome, reservation_id, held, system_prompt, voice_id, conversation_id, history, retry_after, usage_id,
              charged, reserved, remaining, milliseconds, audio_id, audio_expires, reply_text
            from private.admit_agent(
              $1::uuid, $2::bytea, $3::int, $4::int, $5::uuid, $6::int, $7::int, $8::int, $9::bytea, $10::bytea)
            """, parameters + [key.hash, key.fingerprint], as: .agent, shielded: true, in: context)
        if let reply = try StoredReply(from: row) { return .replayed(reply) }
        return .new(try admission(from: row, isKeyed: true))
    }

    /// Charges what was made and frees the hold, in one transaction with the usage log.
    ///
    /// Not stopped by the caller's leaving. A settle whose outcome is unknown is asked again: it is idempotent by
    /// reservation, and a repeated one returns the same receipt.
    ///
    /// - Throws: ``Problem`` 503 when it could not be committed before the deadline; nothing is charged then, unless a
    ///   late settle finds the hold. Also when the hold is gone (``LostHold``), which charges nothing for certain.
    public func settle(_ reservation: Reservation, _ usage: Usage, in context: Context) async throws -> Receipt {
        let settlement = Settlement(reservation: reservation, usage: usage, deadline: context.deadline)
        let isAlone = Atomic(false)
        return try await retryingWhileUnavailable(until: context.deadline) {
            try await context.timing.measure("db") {
                // Once in the way of others, never with them again.
                if !isAlone.load(ordering: .relaxed) {
                    if let result = await self.settlements.answer(for: settlement) { return try result.get() }
                    isAlone.store(true, ordering: .relaxed)
                }
                return try await settlement.settleAlone(in: self.database)
            }
        }
    }

    /// Frees a hold that nothing was made for. A hold that cannot be freed now expires by itself, so failing is no more
    /// than a line in the log.
    public func release(_ reservation: Reservation, in context: Context) async {
        let sql =
            reservation.isKeyed
            ? "select outcome from private.release_answer($1::uuid)" : "select outcome from private.release($1::uuid)"
        let statement = Statement(sql, [reservation.id])
        do {
            _ = try await database.query(
                statement, as: .meter, lane: .durable, shielded: true,
                deadline: max(context.deadline, .now + .seconds(2)))
        } catch {
            context.logger.warning("hold not released, it will expire", metadata: ["cause": "\(error)"])
        }
    }

    private var leaseSeconds: Int { Int(lease.components.seconds) }

    private func admission(from row: Row, isKeyed: Bool) throws -> AgentAdmission {
        let reservation = try Self.reservation(from: row, limits.agent, isKeyed: isKeyed)
        return AgentAdmission(
            reservation: reservation,
            systemPrompt: try row.decode("system_prompt", as: String.self),
            voice: try Self.voice(try row.decode("voice_id", as: String.self)),
            conversationID: try row.decode("conversation_id", as: String.self),
            history: try Self.history(try row.decode("history", as: String.self)))
    }

    private static func voice(_ text: String) throws -> VoicePreset {
        guard let voice = VoicePreset(rawValue: text) else { throw Problem(.internal) }
        return voice
    }

    private static func history(_ json: String) throws -> [ChatMessage] {
        struct Line: Decodable {
            let role: ChatMessage.Role
            let content: String
        }
        return try JSONDecoder().decode([Line].self, from: Data(json.utf8)).map { ChatMessage($0.role, $0.content) }
    }

    private static func reservation(from row: Row, _ limit: RateLimit, isKeyed: Bool) throws -> Reservation {
        switch try row.decode("outcome", as: String.self) {
        case "ok":
            return Reservation(
                id: try row.decode("reservation_id", as: String.self), held: try row.decode("held", as: Int.self),
                isKeyed: isKeyed)
        case "unauthorized": throw Problem.unauthorized
        case "forbidden": throw Problem(.forbidden)
        case "rate_limited": throw try limit.exceeded(row)
        case "busy": throw Problem(.tooManyAtOnce, fields: [.retryAfter: "1"])
        case "quota_exceeded": throw Problem(.quotaExceeded, "Buy a plan to go on.")
        case "subscription_expired": throw Problem(.subscriptionExpired, "Renew the plan to go on.")
        case "unknown_conversation":
            throw Problem(
                .unknownConversation,
                violations: [.init(field: "conversationId", "is not a conversation of this agent, or has expired")])
        case let outcome: throw Problem.idempotency(outcome) ?? Problem(.internal)
        }
    }
}

extension Receipt {
    init(from row: Row) throws(DatabaseError) {
        self.init(
            id: try row.decode("usage_id", as: String.self),
            secondsCharged: try row.decode("charged", as: Int.self),
            secondsReserved: try row.decode("reserved", as: Int.self),
            secondsRemaining: try row.decode("remaining", as: Int.self))
    }
}

extension StoredReply {
    /// - Returns: nil when the row is no replay.
    fileprivate convenience init?(from row: Row) throws {
        guard try row.decode("outcome", as: String.self) == "replayed" else { return nil }
        guard let audio = AudioID(bytes: try row.decode("audio_id", as: [UInt8].self)) else {
            throw Problem(.internal)
        }
        self.init(
            audio: audio, audioExpires: try row.decode("audio_expires", as: Int.self),
            milliseconds: try row.decode("milliseconds", as: Int.self), receipt: try Receipt(from: row),
            text: try row.decodeIfPresent("reply_text", as: String.self),
            conversationID: try row.decodeIfPresent("conversation_id", as: String.self))
    }
}
