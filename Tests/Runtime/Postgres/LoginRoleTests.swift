import PostgresClient
import Testing

@Suite struct LoginRoleTests {
    @Test func aRoleThatCanOnlySwitchIsAccepted() async throws {
        let fixture = try await Fixture()
        let database = try fixture.database()
        try await database.verifyLoginRole()
        await database.shutdown()
    }

    @Test(arguments: [
        ("superuser", "superuser"),
        ("bypassrls", "noinherit bypassrls"),
        ("createrole", "noinherit createrole"),
        ("replication", "noinherit replication"),
        ("inherits", "inherit in role pgtest_alice"),
        ("reaches", "noinherit in role pgtest_bypass"),
        ("owner", "noinherit"),
    ])
    func aStrongerRoleIsRefused(name: String, attributes: String) async throws {
        let fixture = try await Fixture()
        let role = "pgtest_strong_\(name)"
        let superuser = try await fixture.superuser()
        try await superuser.execute(
            """
            do $$ begin create role pgtest_bypass bypassrls; exception when duplicate_object then null;
              when unique_violation then null; end $$;
            drop role if exists \(role);
            create role \(role) login \(attributes);
            """)
        if name == "owner" {
            try await superuser.execute("create table owned (); alter table owned owner to \(role)")
        }
        let url = fixture.url.replacing("//postgres@", with: "//\(role)@")
        let database = try fixture.database { $0.connectionString = url }
        let atStart = await databaseError { try await database.verifyLoginRole() }
        #expect(atStart?.kind == .loginRoleTooStrong)
        let atUse = await databaseError {
            _ = try await database.query(Statement("select 1"), as: Fixture.alice, deadline: .soon)
        }
        #expect(atUse?.kind == .loginRoleTooStrong)
        await database.shutdown()
        if name == "owner" { try await superuser.execute("drop table owned") }
        try await superuser.execute("drop role \(role)")
        await superuser.close()
    }
}
