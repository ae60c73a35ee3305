import Glibc
import Synchronization

/// Whole lines to a descriptor, in order, from any thread, without waiting.
final class LogOutput: Sendable {
    private struct State {
        /// Since that was last said.
        var dropped = 0
        var droppedInAll = 0
        /// Whether the last line was cut short by a reader that stopped reading.
        var isMidLine = false
    }

    private let descriptor: CInt
    private let state = Mutex(State())
    private static let standardError = LogOutput(STDERR_FILENO)

    /// Longest line, in bytes: what a pipe takes in one piece (PIPE_BUF). A longer one is cut.
    static let longestLine = 4_096

    private init(_ descriptor: CInt) { self.descriptor = descriptor }

    /// One for all of standard error, so that lines of different loggers do not mix.
    static func shared(_ descriptor: CInt) -> LogOutput {
        descriptor == STDERR_FILENO ? standardError : LogOutput(descriptor)
    }

    /// Lines dropped since the start.
    var droppedLines: Int { state.withLock { $0.droppedInAll } }

    /// - Parameter line: with its line end.
    func write(_ line: [UInt8]) {
        let line = line.count > Self.longestLine ? Self.cut(line) : line
        state.withLock { state in
            guard hasRoom else {
                state.dropped += 1
                state.droppedInAll += 1
                return
            }
            var bytes: [UInt8] = state.isMidLine ? [UInt8(ascii: "\n")] : []
            if state.dropped > 0 {
                bytes += #"{"level":"warning","message":"log lines dropped","count":\#(state.dropped)}"#.utf8
                bytes.append(UInt8(ascii: "\n"))
            }
            if send(bytes) { state.dropped = 0 }
            state.isMidLine = !send(line)
        }
    }

    /// A pipe is said to have room when it takes PIPE_BUF bytes, a file always.
    private var hasRoom: Bool {
        var question = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
        return poll(&question, 1, 0) == 1 && question.revents & Int16(POLLOUT) != 0
    }

    private func send(_ bytes: [UInt8]) -> Bool {
        var sent = 0
        while sent < bytes.count {
            let count = bytes[sent...].withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { return false }
            sent += count
            if sent < bytes.count, !hasRoom { return false }
        }
        return true
    }

    /// Still one JSON object: what stood in the line is given as text of a new one.
    private static func cut(_ line: [UInt8]) -> [UInt8] {
        let text = String(decoding: line.prefix(longestLine / 2), as: UTF8.self)
        var shown = ""
        for scalar in text.unicodeScalars where scalar != "\"" && scalar != "\\" { shown.unicodeScalars.append(scalar) }
        return Array(#"{"level":"warning","message":"a log line was too long","line":"\#(shown)"}"#.utf8) + [
            UInt8(ascii: "\n")
        ]
    }
}
