import FunctionChannel
import FunctionCore
import Glibc
import Logging

/// Writes one JSON object a line: `time` (RFC 3339, UTC, milliseconds), `level`, `message`, `logger`, then the
/// metadata.
///
/// `status`, `duration_ms` and every number given as such are numbers, all else is text. Nothing waits for a reader
/// that has stopped reading: lines are dropped then, and their count is written when there is room again.
public struct JSONLogHandler: LogHandler {
    public var logLevel: Logger.Level
    public var metadata: Logger.Metadata = [:]
    private let label: String
    private let output: LogOutput

    /// - Parameter descriptor: where lines go; standard error unless stated.
    public init(label: String, level: Logger.Level = .info, descriptor: CInt = STDERR_FILENO) {
        self.label = label
        logLevel = level
        output = LogOutput.shared(descriptor)
    }

    public subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    public func log(event: LogEvent) {
        var json = JSONText()
        json.member("time", UTCTime.now().iso8601)
        json.member("level", event.level.rawValue)
        json.member("message", event.message.description)
        json.member("logger", label)
        let all = metadata.merging(event.metadata ?? [:]) { $1 }
        for (key, value) in all.sorted(by: { $0.key < $1.key }) {
            Self.write(value, Self.ownMembers.contains(key) ? "metadata_" + key : key, &json)
        }
        if let error = event.error { json.member("error", "\(error)") }
        output.write(Array((json.object + "\n").utf8))
    }

    /// Lines for standard error that nobody took, since the start.
    public static var droppedLines: Int { LogOutput.shared(STDERR_FILENO).droppedLines }

    private static let ownMembers: Set<String> = ["time", "level", "message", "logger", "error"]
    /// Numbers that arrive as text, since that is what a string literal of metadata makes of them.
    private static let numbers: Set<String> = ["status", "duration_ms"]

    private static func write(_ value: Logger.MetadataValue, _ key: String, _ json: inout JSONText) {
        switch value {
        case .stringConvertible(let number as Int): json.member(key, number)
        case .stringConvertible(let number as Double): json.member(key, number)
        case .string(let text) where numbers.contains(key):
            if let number = Int(text) {
                json.member(key, number)
            } else if let number = Double(text) {
                json.member(key, number)
            } else {
                json.member(key, text)
            }
        default: json.member(key, value.description)
        }
    }
}
