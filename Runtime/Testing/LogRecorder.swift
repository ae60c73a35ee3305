import Logging
import Synchronization

/// Keeps what is logged, for tests that assert a line, or the absence of a secret.
public final class LogRecorder: Sendable {
    public struct Entry: Sendable {
        public let level: Logger.Level
        public let message: String
        /// The logger's metadata with the line's own.
        public let metadata: [String: String]
    }

    private let recorded = Mutex<[Entry]>([])

    public init() {}

    public var entries: [Entry] { recorded.withLock { $0 } }

    /// All of it as text, to search.
    public var text: String {
        entries.map { "\($0.level) \($0.message) \($0.metadata)" }.joined(separator: "\n")
    }

    /// A logger that records every level.
    public var logger: Logger { Logger(label: "test") { _ in Handler(recorder: self) } }

    private struct Handler: LogHandler {
        let recorder: LogRecorder
        var metadata: Logger.Metadata = [:]
        var logLevel = Logger.Level.trace

        subscript(metadataKey key: String) -> Logger.Metadata.Value? {
            get { metadata[key] }
            set { metadata[key] = newValue }
        }

        func log(event: LogEvent) {
            var all = metadata.merging(event.metadata ?? [:]) { _, line in line }.mapValues { "\($0)" }
            if let error = event.error { all["error"] = "\(error)" }
            let entry = Entry(level: event.level, message: "\(event.message)", metadata: all)
            recorder.recorded.withLock { $0.append(entry) }
        }
    }
}
