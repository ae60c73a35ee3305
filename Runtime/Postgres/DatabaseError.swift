/// What went wrong between here and Postgres.
///
/// `description` names kind, SQLSTATE, severity and constraint, and is safe to send to anyone by accident. Message,
/// detail and hint may hold row values: they are in `debugDescription`, for the log.
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

    public var kind: Kind { box.details.kind }
    /// True when the transaction had been sent and nobody knows whether it was committed. Where false, it was not.
    public var outcomeUnknown: Bool { box.details.outcomeUnknown }
    /// As reported by the server, also when it ended the connection (57P01).
    public var sqlState: SQLState? { box.details.sqlState }
    /// `ERROR`, `FATAL` or `PANIC`, never translated.
    public var severity: String? { box.details.severity }
    public var constraint: String? { box.details.constraint }
    public var table: String? { box.details.table }
    /// For the log only, as are the next two: they may quote row values.
    public var message: String { box.details.message }
    public var detail: String? { box.details.detail }
    public var hint: String? { box.details.hint }
    /// The SQL that failed, without its parameters.
    public var sql: String? { box.details.sql }

    struct Details {
        let kind: Kind
        var outcomeUnknown: Bool
        var sqlState: SQLState?
        var severity: String?
        var constraint: String?
        var table: String?
        var message: String
        var detail: String?
        var hint: String?
        var sql: String?
    }

    /// Whoever can throw an error sets room aside for it, also on the ways where none is thrown: so it is one pointer.
    private final class Box: Sendable {
        let details: Details

        init(_ details: Details) { self.details = details }
    }

    private let box: Box

    private init(_ details: Details) { box = Box(details) }

    init(_ kind: Kind, _ message: String, outcomeUnknown: Bool = false) {
        var details = Details(kind: kind, outcomeUnknown: outcomeUnknown, message: message)
        if case .sqlState(let code) = kind { details.sqlState = code }
        self.init(details)
    }

    /// The same, changed.
    func with(_ change: (inout Details) -> Void) -> DatabaseError {
        var details = box.details
        change(&details)
        return DatabaseError(details)
    }

    /// True when the caller should hear "try again later" rather than "we are broken": no answer, or SQLSTATE 08*, 53*,
    /// 57P*, 57014 (statement timeout), 40* (deadlock, serialization) and 25006 (a standby after failover).
    public var meansUnavailable: Bool {
        switch kind {
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
        if let severity { words.append(severity) }
        if let sqlState { words.append(sqlState.rawValue) }
        if let constraint { words.append("constraint \(constraint)") }
        if outcomeUnknown { words.append("(outcome unknown)") }
        return words.joined(separator: " ")
    }

    public var debugDescription: String {
        let parts: [(String, String?)] = [
            ("message", message), ("detail", detail), ("hint", hint), ("table", table), ("sql", sql),
        ]
        return parts.reduce(into: description) { text, part in
            if let value = part.1 { text += " | \(part.0): \(value)" }
        }
    }

    private var name: String {
        switch kind {
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
