import ArgumentParser
import Callers
import FoundationEssentials
import PostgresClient

struct UsersCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "users", abstract: "Manage the people who sign in without Supabase.", subcommands: [Add.self])

    struct Add: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Add a person, e-mail confirmed. The password is read from standard input, one line.")

        @Argument(help: "The e-mail address.") var email: String

        func run() async throws {
            guard let password = readLine(strippingNewline: true), (6...72).contains(password.utf8.count) else {
                throw ValidationError("the password must have 6 to 72 bytes")
            }
            var reader = SettingsReader(try await SettingsSource().reader)
            let configuration = Database.Configuration(from: &reader)
            let cost = reader.integer(.bcryptCost, in: 4...15)
            try reader.finish()
            let database = try Database(configuration, logger: .callwaiting(level: .warning))
            let statement = Statement(
                "select outcome, user_id from private.add_user($1, $2, $3::int, '{}'::jsonb)",
                [email.lowercased(), password, cost])
            let row = try await database.query(statement, as: .auth, lane: .slow, deadline: .now + .seconds(10)).one()
            await database.shutdown()
            guard try row.decode("outcome", as: String.self) == "created" else {
                throw ValidationError("someone with this e-mail exists already")
            }
            print(try row.decode("user_id", as: String.self))
        }
    }
}
