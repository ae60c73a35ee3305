import FunctionJSON

/// One way of answering badly, queued for the requests to come. README.md lists what each provider understands.
public struct Fault: Codable, Sendable, Hashable {
    public enum Kind: String, Codable, Sendable, CaseIterable {
        // What may befall any HTTP answer.
        case timeout, delay, hold, drip, garbage, empty, truncated, disconnect
        // What a provider says when it refuses.
        case unauthorized, unavailable
        case rateLimited = "rate_limited"
        case serverError = "server_error"
        case insufficientQuota = "insufficient_quota"
        case tokenLimit = "token_limit"
        case baseResp = "base_resp"
        // OpenAI's answers.
        case streamError = "stream_error"
        case keepAlive = "keep_alive"
        case emptyReply = "empty_reply"
        // MiniMax's answers.
        case nullData = "null_data"
        case missingAudio = "missing_audio"
        case badHex = "bad_hex"
        // Flutterwave's verify answers.
        case pending
        case verifyDown = "verify_down"
        case wrongAmount = "wrong_amount"
        case wrongCurrency = "wrong_currency"
        case wrongReference = "wrong_tx_ref"
        // Flutterwave's webhooks.
        case lostWebhook = "lost_webhook"
        case duplicateWebhook = "duplicate_webhook"
        case delayedWebhook = "delayed_webhook"
        case forgedWebhook = "forged_webhook"
        case unsignedWebhook = "unsigned_webhook"
    }

    public var kind: Kind
    /// How many requests it still applies to; nil means until cleared.
    public var times: Int?
    /// Applies to one operation only (`chat`, `t2a`, `payments`, `verify`, `webhook`…); nil means any.
    public var operation: String?
    /// Sent as `Retry-After`, in seconds.
    public var retryAfter: Int?
    /// How long to wait: before the answer, between two bytes of a drip, or before the webhook.
    public var milliseconds: Int?
    /// MiniMax's `base_resp.status_code`.
    public var code: Int?
    /// What `wrong_amount`, `wrong_currency` and `wrong_tx_ref` say instead.
    public var value: JSONValue?

    public init(
        _ kind: Kind, times: Int? = 1, on operation: String? = nil, retryAfter: Int? = nil, milliseconds: Int? = nil,
        code: Int? = nil, value: JSONValue? = nil
    ) {
        self.kind = kind
        self.times = times
        self.operation = operation
        self.retryAfter = retryAfter
        self.milliseconds = milliseconds
        self.code = code
        self.value = value
    }

    enum CodingKeys: String, CodingKey {
        case kind = "fault"
        case times, always
        case operation = "on"
        case retryAfter, milliseconds, code, value
    }

    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        let always = try container.decodeIfPresent(Bool.self, forKey: .always) ?? false
        self.init(
            try container.decode(Kind.self, forKey: .kind),
            times: always ? nil : try container.decodeIfPresent(Int.self, forKey: .times) ?? 1,
            on: try container.decodeIfPresent(String.self, forKey: .operation),
            retryAfter: try container.decodeIfPresent(Int.self, forKey: .retryAfter),
            milliseconds: try container.decodeIfPresent(Int.self, forKey: .milliseconds),
            code: try container.decodeIfPresent(Int.self, forKey: .code),
            value: try container.decodeIfPresent(JSONValue.self, forKey: .value))
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(kind, forKey: .kind)
        if let times {
            try container.encode(times, forKey: .times)
        } else {
            try container.encode(true, forKey: .always)
        }
        try container.encodeIfPresent(operation, forKey: .operation)
        try container.encodeIfPresent(retryAfter, forKey: .retryAfter)
        try container.encodeIfPresent(milliseconds, forKey: .milliseconds)
        try container.encodeIfPresent(code, forKey: .code)
        try container.encodeIfPresent(value, forKey: .value)
    }
}

extension Fault.Kind {
    /// Done to the answer's bytes, whatever they say.
    public static let transport: Set<Self> = [
        .timeout, .delay, .hold, .drip, .garbage, .empty, .truncated, .disconnect,
    ]
    /// Said instead of the answer, in the provider's own words.
    public static let refusals: Set<Self> = [.unauthorized, .rateLimited, .serverError, .unavailable]
    public static let openAI: Set<Self> = [.insufficientQuota, .streamError, .keepAlive, .emptyReply]
    public static let miniMax: Set<Self> = [.tokenLimit, .baseResp, .nullData, .missingAudio, .badHex]
    public static let verify: Set<Self> = [.verifyDown, .pending, .wrongAmount, .wrongCurrency, .wrongReference]
    public static let webhook: Set<Self> = [
        .lostWebhook, .duplicateWebhook, .delayedWebhook, .forgedWebhook, .unsignedWebhook,
    ]
}
