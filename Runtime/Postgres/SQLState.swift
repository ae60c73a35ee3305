/// The five characters by which Postgres names an error: two of class, three of member.
///
/// Codes and classes: PostgreSQL documentation, Appendix A "PostgreSQL Error Codes".
public struct SQLState: RawRepresentable, Hashable, Sendable, ExpressibleByStringLiteral, CustomStringConvertible {
    public let rawValue: String

    public init(rawValue: String) {
        self.rawValue = rawValue
    }

    public init(stringLiteral value: String) {
        rawValue = value
    }

    public var description: String { rawValue }

    /// The first two characters, which group the codes.
    public struct Class: RawRepresentable, Hashable, Sendable {
        public let rawValue: String

        public init(rawValue: String) {
            self.rawValue = rawValue
        }

        public static let connectionException = Class(rawValue: "08")
        public static let dataException = Class(rawValue: "22")
        public static let integrityConstraintViolation = Class(rawValue: "23")
        public static let transactionRollback = Class(rawValue: "40")
        public static let insufficientResources = Class(rawValue: "53")
        public static let operatorIntervention = Class(rawValue: "57")
    }

    public var `class`: Class { Class(rawValue: String(rawValue.prefix(2))) }

    public static let featureNotSupported: SQLState = "0A000"
    public static let readOnlyTransaction: SQLState = "25006"
    public static let invalidStatementName: SQLState = "26000"
    public static let foreignKeyViolation: SQLState = "23503"
    public static let uniqueViolation: SQLState = "23505"
    public static let checkViolation: SQLState = "23514"
    public static let invalidSchemaName: SQLState = "3F000"
    public static let undefinedFunction: SQLState = "42883"
    public static let insufficientPrivilege: SQLState = "42501"
    public static let duplicatePreparedStatement: SQLState = "42P05"
    public static let queryCanceled: SQLState = "57014"
    public static let adminShutdown: SQLState = "57P01"

    /// Lets a class match its members in a `switch` or with `~=`.
    public static func ~= (pattern: Class, value: SQLState) -> Bool {
        value.class == pattern
    }
}
