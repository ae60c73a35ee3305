/// What went wrong between here and Postgres.
///
/// `description` names kind, SQLSTATE, severity and constraint, and is safe to send to anyone by accident. Message,
/// detail and hint may hold row values: they are in `debugDescription`, for the log.
@dynamicMemberLookup
public struct DatabaseError: Error, Sendable {
    public enum Kind: Sendable, Hashable {
        /// There was no answer; trying again later may well succeed.
        case unavailable(Unavailability)
        /// Postgres answered with an error, and rolled the transaction back.
        case sqlState(SQLState)
        /// The calling task was cancelled.
        case cancelled
        /// The answer does not have the shape that the caller asked for.
        case decoding
        /// A statement cannot be sent: text with a NUL byte, or too many parameters.
        case invalidStatement
        /// The login role is stronger than a serving process may be.
        case loginRoleTooStrong
        /// The connection string cannot be read.
        case invalidConnectionString
    }

    public enum Unavailability: String, Sendable, Hashable {
        /// No connection could be made, or the last attempt has just failed.
        case notConnected = "not connected"
        /// The connection ended while an answer was awaited.
        case connectionLost = "connection lost"
        /// The server was silent for longer than its statement timeout allows.
        case noAnswer = "no answer"
        /// As many transactions are waiting as may wait.
        case queueFull = "queue full"
        /// The transaction's deadline passed.
        case deadline = "deadline passed"
        /// `shutdown()` was called.
        case shutDown = "shut down"
    }

    /// All that is known of it.
    public struct Report: Sendable {
        public let kind: Kind
        /// True when the transaction had been sent and nobody knows whether it was committed. Where false, it was not.
        public internal(set) var outcomeUnknown: Bool
        /// As reported by the server, also when it ended the connection (57P01).
        public internal(set) var sqlState: SQLState?
        /// `ERROR`, `FATAL` or `PANIC`, never translated.
        public internal(set) var severity: String?
        public internal(set) var constraint: String?
        public internal(set) var table: String?
        /// For the log only, as are the next two: they may quote row values.
        public internal(set) var message: String
        public internal(set) var detail: String?
        public internal(set) var hint: String?
        /// The SQL that failed, without its parameters.
        public internal(set) var sql: String?
    }

    /// Every function that can throw sets room aside for what it throws, on all the ways where nothing is thrown: so it is
    /// one pointer.
    private final class Box: Sendable {
        let report: Report

        init(_ report: Report) { self.report = report }
    }

    private var box: Box

    init(_ kind: Kind, _ message: String, outcomeUnknown: Bool = false) {
        var report = Report(kind: kind, outcomeUnknown: outcomeUnknown, message: message)
        if case .sqlState(let code) = kind { report.sqlState = code }
        box = Box(report)
    }

    public subscript<Value>(dynamicMember path: KeyPath<Report, Value>) -> Value { box.report[keyPath: path] }

    /// A copy that differs.
    func with(_ change: (inout Report) -> Void) -> DatabaseError {
        var copy = self
        var report = box.report
        change(&report)
        copy.box = Box(report)
        return copy
    }

    /// True when the caller should hear "try again later" rather than "we are broken": no answer, or SQLSTATE 08*, 53*,
    /// 57P*, 57014 (statement timeout), 40* (deadlock, serialization) and 25006 (a standby after failover).
    public var meansUnavailable: Bool {
        switch self.kind {
        case .unavailable: true
        case .sqlState(let code):
            switch code {
            case .connectionException, .insufficientResources, .transactionRollback: true
            case .queryCanceled, .readOnlyTransaction: true
            default: code.rawValue.hasPrefix("57P")
            }
        default: false
        }
    }
}

extension DatabaseError: CustomStringConvertible, CustomDebugStringConvertible {
    public var description: String {
        var words = ["database:", name]
        if let severity = self.severity { words.append(severity) }
        if let sqlState = self.sqlState { words.append(sqlState.rawValue) }
        if let constraint = self.constraint { words.append("constraint \(constraint)") }
        if self.outcomeUnknown { words.append("(outcome unknown)") }
        return words.joined(separator: " ")
    }

    public var debugDescription: String {
        let parts: [(String, String?)] = [
            ("message", self.message), ("detail", self.detail), ("hint", self.hint), ("table", self.table),
            ("sql", self.sql),
        ]
        return parts.reduce(into: description) { text, part in
            if let value = part.1 { text += " | \(part.0): \(value)" }
        }
    }

    private var name: String {
        switch self.kind {
        case .unavailable(let reason): "unavailable, \(reason.rawValue)"
        case .sqlState: "refused by the server"
        case .cancelled: "cancelled"
        case .decoding: "unexpected answer"
        case .invalidStatement: "invalid statement"
        case .loginRoleTooStrong: "login role too strong"
        case .invalidConnectionString: "invalid connection string"
        }
    }
}
