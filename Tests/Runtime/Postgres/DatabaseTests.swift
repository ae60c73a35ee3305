import DevHost
import Logging
import PostgresClient
import Testing

@Suite struct DatabaseTests {
    @Test func aStatementReturnsItsRowsTyped() async throws {
        var configuration = Database.Configuration(connectionString: try await TestCluster.makeDatabase())
        configuration.verifiesLoginRole = false
        let database = try Database(configuration, logger: Logger(label: "test"))
        let rows = try await database.query(
            Statement("select $1::int + 1 as n, $2::text as x, $3::bytea as b", [41, nil, [UInt8](0...255)]),
            as: DatabaseRole("postgres"), deadline: .now + .seconds(5))
        let row = try rows.one()
        #expect(try row.decode("n", as: Int.self) == 42)
        #expect(try row.decodeIfPresent("x", as: String.self) == nil)
        #expect(try row.decode("b") == [UInt8](0...255))
        await database.shutdown()
    }
}
