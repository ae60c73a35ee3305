import Testing

@testable import PostgresClient

@Suite struct TransactionTests {
    @Test func valuesGoOutAndComeBackTyped() async throws {
        let database = try await Fixture().database()
        let rows = try await database.query(
            Statement(
                """
                select $1::int + 1 as int, $2::text as null, $3::bytea as bytes, $4::float8 as double, $5::bool as bool,
                  $6 || '' as text, $7::bigint as big
                """, [41, nil, [UInt8](0...255), 0.1 + 0.2, false, "naïve 'quoted' \\x00 \n", Int64.min]),
            as: Fixture.alice, deadline: .soon)
        let row = try rows.one()
        #expect(try row.decode("int", as: Int.self) == 42)
        #expect(try row.decodeIfPresent("null", as: String.self) == nil)
        #expect(try row.decode("bytes") == [UInt8](0...255))
        #expect(try row.decode("double") == 0.1 + 0.2)
        #expect(try row.decode("bool") == false)
        #expect(try row.decode("text") == "naïve 'quoted' \\x00 \n")
        #expect(try row.decode("big") == Int64.min)
        await database.shutdown()
    }

    @Test func arraysGoOutElementByElement() async throws {
        let database = try await Fixture().database()
        let texts = ["", "NULL", "a,b", "{}", "\"", "\\", "\\\"", " ", "naïve \n 👋", "'"]
        let rows = try await database.query(
            Statement(
                """
                select t.text, t.bytes, t.number
                from unnest($1::text[], $2::bytea[], $3::bigint[]) with ordinality as t (text, bytes, number, turn)
                order by t.turn
                """,
                [
                    PostgresArray(texts + [nil]), PostgresArray([[UInt8](0...255), nil, []]),
                    PostgresArray([Int.min, 0, nil, Int.max]),
                ]), as: Fixture.alice, deadline: .soon)
        #expect(try rows.map { try $0.decodeIfPresent("text", as: String.self) } == texts + [nil])
        let bytes = try rows.prefix(3).map { try $0.decodeIfPresent("bytes", as: [UInt8].self) }
        #expect(bytes == [[UInt8](0...255), nil, []])
        #expect(try rows.prefix(4).map { try $0.decodeIfPresent("number", as: Int.self) } == [.min, 0, nil, .max])
        let none = try await database.query(
            Statement("select cardinality($1::text[]) as n", [PostgresArray([])]), as: Fixture.alice, deadline: .soon)
        #expect(try none.one().decode("n", as: Int.self) == 0)
        await database.shutdown()
    }

    @Test func aWrongColumnTypeOrNullIsADecodingError() async throws {
        let database = try await Fixture().database()
        let row = try await database.query(
            Statement("select 'x' as text, null as nothing"), as: Fixture.alice, deadline: .soon
        ).one()
        for read: () throws -> Void in [
            { _ = try row.decode("text", as: Int.self) }, { _ = try row.decode("nothing", as: String.self) },
            { _ = try row.decode("absent", as: String.self) },
        ] {
            #expect(await databaseError { try read() }?.kind == .decoding)
        }
        await database.shutdown()
    }

    @Test func eachStatementHasItsOwnRowsInOrder() async throws {
        let database = try await Fixture().database()
        let all = try await database.run(
            Transaction(as: Fixture.alice, (0..<50).map { Statement("select $1::int as n", [$0]) }), deadline: .soon)
        #expect(try all.map { try $0.one().decode("n", as: Int.self) } == Array(0..<50))
        await database.shutdown()
    }

    @Test(arguments: [true, false]) func roleAndClaimsEndWithTheTransaction(prepared: Bool) async throws {
        let database = try await Fixture().database { $0.prepared = prepared ? .always : .never }
        let who = Statement(
            "select current_user as role, current_setting('request.jwt.claims', true) as claims, session_user as login")
        for round in 0..<200 {
            let role = round % 2 == 0 ? Fixture.alice : Fixture.bob
            let claims = round % 3 == 0 ? nil : "{\"sub\":\"\(round)\"}"
            if round % 7 == 0 {
                _ = await databaseError {
                    _ = try await database.query(
                        Statement("select 1/0"), as: role, claims: "{\"sub\":\"left over\"}", deadline: .soon)
                }
            }
            let row = try await database.query(who, as: role, claims: claims, deadline: .soon).one()
            #expect(try row.decode("role") == role.name)
            #expect(try row.decode("claims") == claims ?? "")
            #expect(try row.decode("login") == "pgtest_login")
        }
        #expect(database.statistics.connects == 1)
        await database.shutdown()
    }

    @Test func aPreparedStatementIsNotSharedBetweenRoles() async throws {
        let database = try await Fixture().database()
        let secret = Statement("select alices.secret()")
        _ = try await database.query(secret, as: Fixture.alice, deadline: .soon)
        let error = await databaseError { _ = try await database.query(secret, as: Fixture.bob, deadline: .soon) }
        #expect(error?.sqlState == .insufficientPrivilege)
        await database.shutdown()
    }

    @Test func aRoleThatTheLoginMayNotTakeIsRefused() async throws {
        let database = try await Fixture().database()
        for name in ["postgres", "none", "", "nobody_at_all"] {
            _ = await databaseError {
                _ = try await database.query(Statement("select 1"), as: DatabaseRole(name), deadline: .soon)
            }
        }
        await database.shutdown()
    }

    @Test func anErrorRollsBackItsTransactionAndNoOther() async throws {
        let fixture = try await Fixture()
        let database = try fixture.database()
        let holder = try await fixture.hold()
        async let first = database.query(.untilReleased, as: Fixture.alice, deadline: .soon)
        try await eventually("the first was sent") { database.statistics.transactions == 1 }
        async let before = database.query(.addNote(1), as: Fixture.alice, deadline: .soon)
        try await eventually("one waits") { database.statistics.waiting == 1 }
        let failing = Task {
            try await database.run(
                Transaction(as: Fixture.alice, [.addNote(2), .addNote(2), .addNote(3)]), deadline: .soon)
        }
        try await eventually("two wait") { database.statistics.waiting == 2 }
        async let after = database.query(.addNote(4), as: Fixture.bob, deadline: .soon)
        try await eventually("three wait") { database.statistics.waiting == 3 }
        try await holder.release()
        _ = try await first
        #expect(try await before.one().decode("who") == "pgtest_alice")
        let error = await databaseError { _ = try await failing.value }
        #expect(error?.kind == .sqlState(.uniqueViolation))
        #expect(error?.constraint == "notes_pkey")
        #expect(error?.severity == "ERROR")
        #expect(error?.outcomeUnknown == false)
        #expect(try await after.one().decode("who") == "pgtest_bob")
        #expect(try await fixture.noteIDs() == [1, 4])
        #expect(database.statistics.largestBatch == 3)
        await database.shutdown()
        await holder.close()
    }

    @Test func anErrorAtTheCommitIsAnError() async throws {
        let fixture = try await Fixture()
        let database = try fixture.database()
        let orphan = Statement("insert into public.deferred values (7) returning id")
        for _ in 0..<3 {
            let error = await databaseError {
                _ = try await database.run(Transaction(as: Fixture.alice, [.addNote(1), orphan]), deadline: .soon)
            }
            #expect(error?.kind == .sqlState(.foreignKeyViolation))
            _ = try await database.query(Statement("select 1"), as: Fixture.alice, deadline: .soon)
        }
        #expect(try await fixture.noteIDs() == [])
        #expect(database.statistics.connects == 1)
        await database.shutdown()
    }

    @Test func anErrorTextIsOnlyInTheDebugDescription() async throws {
        let fixture = try await Fixture()
        let database = try fixture.database()
        let error = await databaseError {
            _ = try await database.query(
                Statement("select $1::text::int", ["secret value"]), as: Fixture.alice, deadline: .soon)
        }
        let text = try #require(error)
        #expect("\(text)" == "database: refused by the server ERROR 22P02")
        #expect(text.debugDescription.contains("secret value"))
        await database.shutdown()
    }

    @Test func largeValuesAndManyRowsPass() async throws {
        let database = try await Fixture().database()
        let large = String(repeating: "0123456789abcdef", count: 1 << 19)
        let all = try await database.run(
            Transaction(
                as: Fixture.alice,
                [
                    Statement("select $1::text as echo", [large]),
                    Statement("select g as n, repeat('x', 100) as filler from generate_series(1, 100000) g"),
                    Statement("select $1::text as echo", [large]),
                ]), deadline: .soon)
        #expect(try all[0].one().decode("echo", as: String.self).utf8.count == 8 << 20)
        #expect(all[1].count == 100_000)
        #expect(try all[1][99_999].decode("n") == 100_000)
        #expect(try all[2].one().decode("echo") == large)
        await database.shutdown()
    }

    /// The server stops reading while nobody reads its answers: sending everything first would never end.
    @Test func aBatchLargerThanAllBuffersInBothDirectionsPasses() async throws {
        let database = try await Fixture().database()
        let megabyte = String(repeating: "y", count: 1 << 20)
        let statements = (0..<32).map { _ in
            Statement("select $1::text as echo, repeat('z', 1048576) as more", [megabyte])
        }
        let all = try await database.run(Transaction(as: Fixture.alice, statements), deadline: .soon)
        #expect(try all.allSatisfy { try $0.one().decode("echo", as: String.self).utf8.count == 1 << 20 })
        await database.shutdown()
    }

    @Test func aNULByteNeverReachesTheServer() async throws {
        let database = try await Fixture().database()
        for transaction in [
            Transaction(as: Fixture.alice, [Statement("select $1", ["a\0b"])]),
            Transaction(as: Fixture.alice, [Statement("select 1\0")]),
            Transaction(as: Fixture.alice, claims: "{}\0", [Statement("select 1")]),
        ] {
            let error = await databaseError { _ = try await database.run(transaction, deadline: .soon) }
            #expect(error?.kind == .invalidStatement)
        }
        #expect(database.statistics.connects == 0)
        await database.shutdown()
    }

    @Test func aStatementThatTakesTooLongIsStoppedByTheServer() async throws {
        let fixture = try await Fixture()
        let database = try fixture.database {
            $0.statementTimeout = .milliseconds(50)
            $0.slowStatementTimeout = .seconds(10)
        }
        let error = await databaseError {
            _ = try await database.query(Statement("select pg_sleep(10)"), as: Fixture.alice, deadline: .soon)
        }
        #expect(error?.sqlState == .queryCanceled)
        #expect(error?.meansUnavailable == true)
        let slow = try await database.query(
            Statement("select current_setting('statement_timeout') as t from pg_sleep(0.1)"), as: Fixture.alice,
            lane: .slow, deadline: .soon)
        #expect(try slow.one().decode("t") == "10s")
        await database.shutdown()
    }
}
