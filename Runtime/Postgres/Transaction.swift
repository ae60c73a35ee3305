/// The database role that a transaction runs as. A constant of the code, never taken from a token or a request.
public struct DatabaseRole: Hashable, Sendable, CustomStringConvertible {
    public let name: String

    public init(_ name: String) {
        self.name = name
    }

    public var description: String { name }
}

/// Which connections a transaction may use. A batch waits for its slowest member, so what is slow by nature (bcrypt,
/// reports) keeps to connections of its own.
public enum Lane: String, Sendable, CaseIterable {
    case fast
    /// Commits that many wait for at once. A connection commits one after another and waits for the disk each time; those
    /// of several connections wait together.
    case durable
    case slow
}

/// Statements that are committed together, or not at all.
///
/// They run as `role`, with `claims` in the setting `request.jwt.claims`; both end with the transaction. All are sent
/// before the first answer is read, so no statement can depend on another's rows: such work belongs in one SQL function.
public struct Transaction: Sendable {
    public var role: DatabaseRole
    /// JSON text of the caller's verified claims; nil sets the empty text, which reads as "nobody".
    public var claims: String?
    public var lane: Lane
    public var statements: [Statement]
    /// True: cancelling the calling task has no effect, neither before nor after sending. For what must be followed up
    /// (admit) or happen all the same (settle, release).
    public var shielded: Bool

    public init(
        as role: DatabaseRole, claims: String? = nil, lane: Lane = .fast, shielded: Bool = false,
        _ statements: [Statement]
    ) {
        self.role = role
        self.claims = claims
        self.lane = lane
        self.shielded = shielded
        self.statements = statements
    }

    /// Why the transaction cannot be sent, or nil.
    var problem: String? {
        if claims?.containsNUL == true { return "claims with a NUL byte" }
        if role.name.isEmpty || role.name == "none" { return "no role" }
        return statements.lazy.compactMap(\.problem).first
    }

    /// Roughly what sending it puts into the output buffer, in bytes.
    var size: Int {
        statements.reduce(into: claims?.utf8.count ?? 0) { $0 += $1.sql.utf8.count + $1.parameters.bytes.count }
    }
}
