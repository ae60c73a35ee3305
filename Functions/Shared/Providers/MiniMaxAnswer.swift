import FunctionJSON
import WebClient

/// A whole answer of T2A v2.
struct MiniMaxAnswer: Sendable, Hashable {
    let audio: [UInt8]
    let milliseconds: Int

    /// - Throws: ``AttemptFailure``. `base_resp` comes first: most failures are a 200 whose `data` is null.
    init(_ response: WebResponse, _ connection: ProviderConnection) throws(AttemptFailure) {
        let json = try? JSONValue(parsing: response.body)
        let trace = response.traceID ?? json?["trace_id"]?.text
        let status = json?["base_resp"]?["status_code"]?.integer
        if let status, status != 0 {
            let code = MiniMaxStatus(rawValue: status)
            throw connection.failure(
                code.kind, "\(response.status.code) status_code \(status)", again: code.mayPass, traceID: trace,
                retryAfter: response.retryAfter, message: json?["base_resp"]?["status_msg"]?.text)
        }
        guard response.status.kind == .successful else { throw connection.failure(response) }
        func garbage(_ detail: String) -> AttemptFailure { connection.failure(.garbage, detail, traceID: trace) }
        guard let json, status == 0 else { throw garbage("no base_resp in the answer") }
        guard let hex = json["data"]?["audio"]?.text, !hex.isEmpty else { throw garbage("no audio") }
        guard let audio = [UInt8](hex: hex) else { throw garbage("audio that is not hexadecimal") }
        guard let measured = MP3.milliseconds(of: audio) else { throw garbage("audio that is not MP3") }
        let told = json["extra_info"]?["audio_length"]?.integer
        // The two differ by an encoder's padding. More means that a part is missing, or that something is made up.
        if let told, abs(told - measured) > max(Self.tolerance, measured / 20) {
            throw garbage("\(told) ms announced, \(measured) ms received")
        }
        self.audio = audio
        milliseconds = max(1, told ?? measured)
    }

    /// Milliseconds by which what MiniMax says may differ from what the frames come to.
    static let tolerance = 500
}

/// `base_resp.status_code` (platform.minimax.io/docs/api-reference/errorcode).
struct MiniMaxStatus: RawRepresentable, Sendable, Hashable {
    let rawValue: Int

    var kind: ProviderError.Kind {
        switch rawValue {
        case 1000, 1024, 1033: .unavailable
        case 1001: .timedOut
        // Requests, tokens, connections, growth, and the plan's window of five hours.
        case 1002, 1039, 1041, 2045, 2056: .rateLimited
        // Key, group, balance, access to the voice, the voice itself: ours to put right.
        case 1004, 1008, 2042, 2049, 2054, 20132: .misconfigured
        // Sensitive content, invisible characters, invalid parameters, and what has no business here.
        default: .rejected
        }
    }

    /// Whether the same request can work within seconds.
    var mayPass: Bool {
        switch rawValue {
        case 2056: false
        default: kind == .unavailable || kind == .timedOut || kind == .rateLimited
        }
    }
}

extension [UInt8] {
    /// Decodes pairs of hexadecimal digits. Speech is megabytes of them, so by a table and without a branch, which could
    /// not be predicted.
    ///
    /// - Returns: nil for an odd number of digits, or anything else among them.
    init?(hex: String) {
        guard hex.utf8.count.isMultiple(of: 2) else { return nil }
        var hex = hex
        var seen: UInt8 = 0
        self.init(unsafeUninitializedCapacity: hex.utf8.count / 2) { bytes, count in
            seen = Self.decode(&hex, into: bytes)
            count = bytes.count
        }
        guard seen < 16 else { return nil }
    }

    /// - Returns: 16 or more when there was anything but digits.
    private static func decode(_ hex: inout String, into bytes: UnsafeMutableBufferPointer<UInt8>) -> UInt8 {
        hexValues.withUnsafeBufferPointer { values in
            hex.withUTF8 { digits in
                var seen: UInt8 = 0
                for index in 0..<digits.count / 2 {
                    let high = values[Int(digits[2 * index])]
                    let low = values[Int(digits[2 * index + 1])]
                    seen |= high | low
                    bytes[index] = high << 4 | low
                }
                return seen
            }
        }
    }
}

/// Of each byte; 255 where it is no hexadecimal digit.
private let hexValues: [UInt8] = (UInt8.min...UInt8.max).map { byte in
    switch byte {
    case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
    case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
    case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
    default: .max
    }
}
