import FunctionCore
import Logging
import PostgresClient

/// Brings a database to the newest migration: each file in one explicit transaction with its line in the ledger, all
/// under one advisory lock, so that running it twice, or from two machines at once, does no harm.
struct Migrator: Sendable {
    /// Held while migrating; any number that nobody else uses will do.
    private static let lock = 0x0C41_1_3A17

    private let connection: PlainConnection
    private let source: MigrationSource

    init(connection: PlainConnection, source: MigrationSource) {
        self.connection = connection
        self.source = source
    }

    /// One line of `migrate --status`.
    struct Status {
        let name: String
        /// Nil when it has not been applied.
        let appliedAt: String?
    }

    /// Applies what is missing.
    ///
    /// - Parameter settings: written to `private.settings` afterwards, where SQL reads them.
    /// - Returns: names of what was applied.
    func run(settings: [String: String]) async throws -> [String] {
        try await checkRole()
        try await connection.query(Statement("select pg_advisory_lock($1::bigint)", [Self.lock]))
        do {
            let applied = try await apply()
            for (name, value) in settings.sorted(by: { $0.key < $1.key }) {
                try await connection.query(
                    Statement(
                        """
                        insert into private.settings (name, value) values ($1, $2)
                        on conflict (name) do update set value = excluded.value
                        """, [name, value]))
            }
            try await unlock()
            return applied
        } catch {
            try? await unlock()
            throw error
        }
    }

    func status() async throws -> [Status] {
        let ledger = try await ledger()
        return source.migrations.map { Status(name: $0.name, appliedAt: ledger[$0.name]?.appliedAt) }
    }

    private func apply() async throws -> [String] {
        try await connection.execute(source.ledger)
        let ledger = try await ledger()
        try check(ledger)
        var applied: [String] = []
        for migration in source.migrations where ledger[migration.name] == nil {
            do {
                try await connection.execute("begin")
                // The ledger's line comes first: of two runs that somehow got here one waits, and then fails.
                try await connection.query(
                    Statement(
                        "insert into private.migrations (name, sha256) values ($1, $2::bytea)",
                        [migration.name, migration.hash]))
                try await connection.execute(migration.script)
                try await connection.execute("commit")
            } catch {
                try? await connection.execute("rollback")
                throw MigrationError("\(migration.name) failed, nothing of it was kept: \(String(reflecting: error))")
            }
            applied.append(migration.name)
        }
        return applied
    }

    /// A changed file, or one that the database has and we do not, means that this is not the program's database.
    private func check(_ ledger: [String: LedgerLine]) throws {
        for migration in source.migrations {
            if let line = ledger[migration.name], line.hash != migration.hash {
                throw MigrationError("\(migration.name) was changed after it had been applied")
            }
        }
        let known = Set(source.migrations.map(\.name))
        if let unknown = ledger.keys.filter({ !known.contains($0) }).min() {
            throw MigrationError("the database has \(unknown), which this release does not know: it is a newer one's")
        }
    }

    /// Row-level security is forced on owners too, so the owner has to be able to pass it.
    private func checkRole() async throws {
        let row = try await connection.query(
            Statement("select current_user as name, rolsuper, rolbypassrls from pg_roles where rolname = current_user")
        ).one()
        let name = try row.decode("name", as: String.self)
        guard try row.decode("rolbypassrls", as: Bool.self) else {
            throw MigrationError(
                "DATABASE_ADMIN_URL logs in as \(name), which has no BYPASSRLS: use callwaiting_owner (sql/roles.sql)")
        }
        guard try !row.decode("rolsuper", as: Bool.self) || name == "postgres" else {
            throw MigrationError("DATABASE_ADMIN_URL logs in as the superuser \(name): use callwaiting_owner")
        }
    }

    private struct LedgerLine {
        let hash: [UInt8]
        let appliedAt: String
    }

    private func ledger() async throws -> [String: LedgerLine] {
        let exists = try await connection.query(Statement("select to_regclass('private.migrations') is not null as ok"))
        guard try exists.one().decode("ok", as: Bool.self) else { return [:] }
        let rows = try await connection.query(
            Statement(
                """
                select name, sha256, to_char(applied_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') as applied_at
                from private.migrations order by name
                """))
        var ledger: [String: LedgerLine] = [:]
        for row in rows {
            ledger[try row.decode("name", as: String.self)] = LedgerLine(
                hash: try row.decode("sha256", as: [UInt8].self),
                appliedAt: try row.decode("applied_at", as: String.self))
        }
        return ledger
    }

    private func unlock() async throws {
        try await connection.query(Statement("select pg_advisory_unlock($1::bigint)", [Self.lock]))
    }
}
