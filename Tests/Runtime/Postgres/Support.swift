import DevHost
import Logging
import PostgresClient
import Testing

let quiet = Logger(label: "postgres-tests") { _ in SwiftLogNoOpLogHandler() }

/// Roles and one table, and a way to hold up a transaction for as long as a test wants.
struct Fixture {
    let url: String

    static let alice = DatabaseRole("pgtest_alice")
    static let bob = DatabaseRole("pgtest_bob")

    init() async throws {
        url = try await TestCluster.makeDatabase(from: "pgtest") { url in
            let connection = try await PlainConnection(url, connectTimeout: .seconds(30), logger: quiet)
            try await connection.execute(
                """
                create role pgtest_alice;
                create role pgtest_bob;
                create role pgtest_login login noinherit in role pgtest_alice, pgtest_bob;
                create schema alices;
                grant usage on schema alices to pgtest_alice;
                create table public.notes (id int primary key, who text not null default current_user);
                create table public.deferred (id int references public.notes deferrable initially deferred);
                grant all on public.notes, public.deferred to pgtest_alice, pgtest_bob;
                create function alices.secret() returns text language sql as 'select ''hers''';
                """)
            await connection.close()
        }
    }

    /// Where the role that only switches logs in.
    var loginURL: String { url.replacing("//postgres@", with: "//pgtest_login@") }

    func configuration(_ change: (inout Database.Configuration) -> Void = { _ in }) -> Database.Configuration {
        var configuration = Database.Configuration(connectionString: loginURL)
        configuration.connections = 1
        configuration.connectTimeout = .seconds(30)
        configuration.statementTimeout = .seconds(60)
        change(&configuration)
        return configuration
    }

    func database(_ change: (inout Database.Configuration) -> Void = { _ in }) throws -> Database {
        try Database(configuration(change), logger: quiet)
    }

    func superuser() async throws -> PlainConnection {
        try await PlainConnection(url, connectTimeout: .seconds(30), logger: quiet)
    }

    /// Takes the lock that `Statement.untilReleased` waits for.
    func hold() async throws -> PlainConnection {
        let holder = try await superuser()
        try await holder.query(Statement("select pg_advisory_lock(1)"))
        return holder
    }

    func noteIDs() async throws -> [Int] {
        let connection = try await superuser()
        let rows = try await connection.query(Statement("select id from notes order by id"))
        await connection.close()
        return try rows.map { try $0.decode("id") }
    }
}

extension Statement {
    static let untilReleased = Statement("select pg_advisory_xact_lock(1)")

    static func addNote(_ id: Int) -> Statement {
        Statement("insert into public.notes (id) values ($1) returning who", [id])
    }
}

extension PlainConnection {
    func release() async throws {
        try await query(Statement("select pg_advisory_unlock(1)"))
    }
}

extension ContinuousClock.Instant {
    static var soon: Self { .now + .seconds(60) }
}

/// Asks again and again, for half a minute, until the answer is yes.
func eventually(
    _ what: Comment, sourceLocation: SourceLocation = #_sourceLocation, _ condition: () async throws -> Bool
) async throws {
    let deadline = ContinuousClock.now + .seconds(30)
    while ContinuousClock.now < deadline {
        if try await condition() { return }
        try await Task.sleep(for: .milliseconds(5))
    }
    Issue.record(what, sourceLocation: sourceLocation)
}

/// The error that the body throws, if it throws a database error.
func databaseError(
    sourceLocation: SourceLocation = #_sourceLocation, _ body: () async throws -> Void
) async -> DatabaseError? {
    await #expect(throws: DatabaseError.self, sourceLocation: sourceLocation) { try await body() }
}
