import FunctionJSON

/// What a webhook claims happened. None of it is believed: it says which payment to ask about.
public struct WebhookEvent: Sendable, Hashable {
    /// `charge.completed`, also for charges that failed; `unknown` where the body has no such thing.
    public let kind: String
    public let transactionID: Int?
    /// Our `tx_ref`, or somebody else's.
    public let reference: String?
    public let status: String?

    /// Reads a v3 body, or one of the older kind that some accounts still get, with everything at the top.
    ///
    /// - Returns: nil unless `body` is a JSON object.
    public init?(_ body: [UInt8]) {
        guard let json = try? JSONValue(parsing: body), case .object = json else { return nil }
        let data = json["data"]
        func first(_ names: String...) -> JSONValue? {
            names.lazy.compactMap { data?[$0] ?? json[$0] }.first { $0 != .null }
        }
        kind = json["event"]?.label ?? json["event.type"]?.label ?? "unknown"
        transactionID = first("id").flatMap { $0.integer ?? $0.text.flatMap { Int($0) } }
        reference = first("tx_ref", "txRef")?.label
        // At the top, `status` is the charge's only where there is no `data`.
        status = (data ?? json)["status"]?.label
    }
}

extension JSONValue {
    /// A text of 1 to 255 characters without control characters.
    fileprivate var label: String? {
        guard let text, (1...255).contains(text.unicodeScalars.count),
            text.unicodeScalars.allSatisfy({ $0.properties.generalCategory != .control })
        else { return nil }
        return text
    }
}
