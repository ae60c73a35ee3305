import EmulatorControl
import FunctionJSON

/// The body of POST /v1/chat/completions, checked as OpenAI checks it: the first thing wrong is the error.
struct ChatRequest {
    struct Message {
        var role: String
        var text: String
    }

    var model: String
    var messages: [Message]
    var stream: Bool
    var includeUsage: Bool
    var maximumTokens: Int?
    var choices: Int
    var stops: [String]

    init(body: [UInt8]) throws {
        guard let json = try? JSONValue(parsing: body), let members = json.members else {
            throw OpenAIError.invalid(
                nil, nil,
                "We could not parse the JSON body of your request. (HINT: This likely means you aren't using your HTTP "
                    + "library correctly. The OpenAI API expects a JSON payload, but what was sent was not valid JSON.)"
            )
        }
        for name in members.keys.sorted() where !Self.known.contains(name) {
            throw OpenAIError.invalid(nil, nil, "Unrecognized request argument supplied: \(name)")
        }
        guard let model = json["model"]?.text, !model.isEmpty else {
            throw OpenAIError.invalid(nil, nil, "you must provide a model parameter")
        }
        guard Self.families.contains(where: model.hasPrefix) else {
            throw OpenAIError(
                status: .notFound, message: "The model `\(model)` does not exist or you do not have access to it.",
                code: "model_not_found")
        }
        self.model = model
        messages = try Self.messages(json["messages"])
        stream = try Self.flag(json, "stream") ?? false
        includeUsage = try Self.includeUsage(json, stream: stream)
        maximumTokens = try Self.maximumTokens(json, model: model)
        choices = try Self.integer(json, "n", 1...128) ?? 1
        stops = try Self.stops(json["stop"])
        try Self.checkSampling(json, model: model)
    }

    /// Names before which a model's version or size stands.
    private static let families = ["gpt-", "chatgpt-", "o1", "o3", "o4"]

    private static let known: Set<String> = [
        "model", "messages", "stream", "stream_options", "tools", "tool_choice", "parallel_tool_calls",
        "max_completion_tokens", "max_tokens", "temperature", "top_p", "n", "stop", "seed", "response_format",
        "reasoning_effort", "service_tier", "logprobs", "top_logprobs", "store", "metadata", "user", "presence_penalty",
        "frequency_penalty", "logit_bias", "modalities", "prediction", "verbosity", "safety_identifier",
        "prompt_cache_key", "functions", "function_call", "audio", "web_search_options",
    ]

    private static let roles = ["system", "assistant", "user", "function", "tool", "developer"]

    /// Models that think first, and take neither `max_tokens` nor a temperature.
    private static func reasons(_ model: String) -> Bool {
        model.hasPrefix("o") || (model.hasPrefix("gpt-5") && !model.contains("chat"))
    }

    private static func messages(_ value: JSONValue?) throws -> [Message] {
        guard let value else {
            throw OpenAIError.invalid(
                "messages", "missing_required_parameter", "Missing required parameter: 'messages'.")
        }
        guard let elements = value.elements else { throw wrongType("messages", "an array of objects", value) }
        guard !elements.isEmpty else {
            throw OpenAIError.invalid(
                "messages", "empty_array",
                "Invalid 'messages': empty array. Expected an array with minimum length 1, but got an empty array "
                    + "instead."
            )
        }
        return try elements.enumerated().map { try message($1, at: "messages[\($0)]") }
    }

    private static func message(_ value: JSONValue, at path: String) throws -> Message {
        guard value.members != nil else { throw wrongType(path, "an object", value) }
        guard let role = value["role"] else {
            throw OpenAIError.invalid(
                "\(path).role", "missing_required_parameter", "Missing required parameter: '\(path).role'.")
        }
        guard let role = role.text, roles.contains(role) else {
            let list = roles.dropLast().map { "'\($0)'" }.joined(separator: ", ")
            throw OpenAIError.invalid(
                "\(path).role", "invalid_value",
                "Invalid value: '\(role.text ?? "")'. Supported values are: \(list), and '\(roles.last ?? "")'.")
        }
        return Message(role: role, text: try text(of: value["content"], role: role, at: "\(path).content"))
    }

    private static func text(of content: JSONValue?, role: String, at path: String) throws -> String {
        switch content {
        case .string(let text): return text
        case .array(let parts):
            return parts.compactMap { $0["type"]?.text == "text" ? $0["text"]?.text : nil }.joined(separator: "\n")
        case nil where role == "assistant", .null where role == "assistant": return ""
        default:
            throw OpenAIError.invalid(
                path, "invalid_type",
                "Invalid type for '\(path)': expected one of a string or array of objects, but got "
                    + "\(description(of: content)) instead.")
        }
    }

    private static func includeUsage(_ json: JSONValue, stream: Bool) throws -> Bool {
        guard let options = json["stream_options"], !options.isNull else { return false }
        guard stream else {
            throw OpenAIError.invalid(
                "stream_options", nil, "The 'stream_options' parameter is only allowed when 'stream' is enabled.")
        }
        return try flag(options, "include_usage") ?? false
    }

    private static func maximumTokens(_ json: JSONValue, model: String) throws -> Int? {
        let old = try integer(json, "max_tokens", 1...1_000_000)
        let new = try integer(json, "max_completion_tokens", 1...1_000_000)
        if old != nil, reasons(model) {
            throw OpenAIError.invalid(
                "max_tokens", "unsupported_parameter",
                "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' "
                    + "instead.")
        }
        if old != nil, new != nil {
            throw OpenAIError.invalid(
                "max_tokens", "invalid_parameter_combination",
                "Setting 'max_tokens' and 'max_completion_tokens' at the same time is not supported.")
        }
        return new ?? old
    }

    private static func stops(_ value: JSONValue?) throws -> [String] {
        switch value {
        case nil, .null: return []
        case .string(let text): return [text]
        case .array(let elements) where elements.count <= 4 && elements.allSatisfy({ $0.text != nil }):
            return elements.compactMap(\.text)
        case .some(let value): throw wrongType("stop", "one of a string or array of at most 4 strings", value)
        }
    }

    private static func checkSampling(_ json: JSONValue, model: String) throws {
        let temperature = try decimal(json, "temperature", 0...2)
        _ = try decimal(json, "top_p", 0...1)
        _ = try decimal(json, "presence_penalty", -2...2)
        _ = try decimal(json, "frequency_penalty", -2...2)
        if let temperature, temperature != 1, reasons(model) {
            throw OpenAIError.invalid(
                "temperature", "unsupported_value",
                "Unsupported value: 'temperature' does not support \(temperature) with this model. Only the default (1) "
                    + "value is supported.")
        }
        if json["reasoning_effort"] != nil, !reasons(model) {
            throw OpenAIError.invalid(
                "reasoning_effort", "unsupported_parameter",
                "Unsupported parameter: 'reasoning_effort' is not supported with this model.")
        }
    }

    private static func flag(_ json: JSONValue, _ name: String) throws -> Bool? {
        guard let value = json[name], !value.isNull else { return nil }
        guard let flag = value.flag else { throw wrongType(name, "a boolean", value) }
        return flag
    }

    private static func integer(_ json: JSONValue, _ name: String, _ range: ClosedRange<Int>) throws -> Int? {
        guard let value = json[name], !value.isNull else { return nil }
        guard let integer = value.integer else { throw wrongType(name, "an integer", value) }
        try check(integer, in: range, name, "integer")
        return integer
    }

    private static func decimal(_ json: JSONValue, _ name: String, _ range: ClosedRange<Double>) throws -> Double? {
        guard let value = json[name], !value.isNull else { return nil }
        guard let number = value.double else { throw wrongType(name, "a decimal", value) }
        try check(number, in: range, name, "decimal")
        return number
    }

    private static func check<Number: Comparable>(
        _ number: Number, in range: ClosedRange<Number>, _ name: String, _ kind: String
    ) throws {
        if number < range.lowerBound {
            throw OpenAIError.invalid(
                name, "\(kind)_below_min_value",
                "Invalid '\(name)': \(kind) below minimum value. Expected a value >= \(range.lowerBound), but got "
                    + "\(number) instead.")
        }
        if number > range.upperBound {
            throw OpenAIError.invalid(
                name, "\(kind)_above_max_value",
                "Invalid '\(name)': \(kind) above maximum value. Expected a value <= \(range.upperBound), but got "
                    + "\(number) instead.")
        }
    }

    private static func wrongType(_ name: String, _ expected: String, _ value: JSONValue) -> OpenAIError {
        .invalid(
            name, "invalid_type",
            "Invalid type for '\(name)': expected \(expected), but got \(description(of: value)) instead.")
    }

    private static func description(of value: JSONValue?) -> String {
        switch value {
        case nil, .null: "null"
        case .bool: "a boolean"
        case .number(let number): value?.integer == nil ? "a decimal \(number)" : "an integer"
        case .string: "a string"
        case .array: "an array"
        case .object: "an object"
        }
    }
}
