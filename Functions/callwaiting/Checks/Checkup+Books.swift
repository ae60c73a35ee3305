import Callers
import PostgresClient

extension Checkup {
    /// Disagreements named at most.
    private static let namedAtMost = 20
    /// What adding up every ledger may take.
    private static let addingUp = Duration.seconds(30)

    /// That what workspaces say is what their ledgers add up to, and that nothing waits for a person. The first
    /// workspace that disagrees comes first; nothing is repaired.
    mutating func books() async {
        guard let source else { return }
        var reader = SettingsReader(source.reader)
        let configuration = Database.Configuration(from: &reader)
        guard reader.problems.isEmpty else { return }
        do {
            let database = try Database(configuration, logger: .callwaiting(level: .critical))
            try await ledgers(database)
            try await leftToPeople(database)
            await database.shutdown()
        } catch {
            note(.error, "the books cannot be read: \(error)")
        }
    }

    private mutating func ledgers(_ database: Database) async throws {
        let rows = try await query(
            Statement("select * from private.disagreements($1::int)", [Self.namedAtMost]), database)
        for row in rows {
            let (says, sum) = (try row.decode("says", as: Int.self), try row.decode("adds_up_to", as: Int.self))
            note(
                .error,
                """
                workspace \(try row.decode("workspace_id", as: String.self)): \(try row.decode("what", as: String.self)) \
                is \(says), its ledger adds up to \(sum)
                """)
        }
    }

    private mutating func leftToPeople(_ database: Database) async throws {
        let row = try await query(Statement("select * from private.books()"), database).one()
        func count(_ name: String) throws -> Int { try row.decode(name, as: Int.self) }
        if !findings.contains(where: { $0.level == .error && $0.text.hasPrefix("workspace ") }) {
            note(
                .ok,
                """
                the ledgers add up: \(try count("workspaces")) workspaces, \(try count("usage_rows")) usage logs, \
                \(try count("grants")) grants
                """)
        }
        if try count("dead_letters") > 0 {
            note(
                .error,
                """
                \(try count("dead_letters")) payment events were given up, the first is \
                \(try count("oldest_dead_letter")): see `callwaiting payments replay`
                """)
        }
        if try count("stale_holds") > 0 {
            note(.error, "\(try count("stale_holds")) holds have outlived their lease: does no worker run?")
        }
        if try count("unplaced_payments") > 0 {
            note(
                .warning,
                """
                \(try count("unplaced_payments")) transactions were paid twice, too little or in other money: see \
                `callwaiting payments show`
                """)
        }
    }

    private func query(_ statement: Statement, _ database: Database) async throws -> Rows {
        try await database.query(statement, as: .worker, lane: .slow, deadline: .now + Self.addingUp)
    }
}
