/// Which statements a connection has prepared, and under which names.
///
/// A statement counts as prepared only when the answer to its Parse has been read: until then others that need it are
/// sent whole, since they could not know whether the Parse failed or was skipped. Statements are kept apart by role,
/// because access to a schema is checked when a statement is parsed and not again when it is executed.
struct PreparedStatements {
    struct Key: Hashable {
        /// Nil for what runs before the role is set.
        var role: DatabaseRole?
        var sql: String
    }

    enum Use: Equatable {
        case execute(name: String)
        case prepareThenExecute(name: String)
        /// Parse, bind and execute without a name.
        case whole
    }

    /// Statements kept on one connection; each costs the server its plan.
    static let limit = 512

    let isOn: Bool
    private var ready: [Key: String] = [:]
    private var asked: [Key: String] = [:]
    private var made = 0

    init(isOn: Bool) {
        self.isOn = isOn
    }

    /// How to send a statement. `inSameTransaction` names those whose Parse goes before it in its own transaction, and
    /// without which it would not be executed at all.
    mutating func use(_ key: Key, inSameTransaction: inout Set<Key>) -> Use {
        guard isOn else { return .whole }
        if let name = ready[key] { return .execute(name: name) }
        if let name = asked[key] { return inSameTransaction.contains(key) ? .execute(name: name) : .whole }
        guard ready.count + asked.count < Self.limit else { return .whole }
        made += 1
        let name = "cw\(made)"
        asked[key] = name
        inSameTransaction.insert(key)
        return .prepareThenExecute(name: name)
    }

    /// The answer to a Parse: it succeeded, or it failed or was skipped and the next use asks again.
    mutating func answered(_ key: Key, succeeded: Bool) {
        let name = asked.removeValue(forKey: key)
        if succeeded { ready[key] = name }
    }
}
