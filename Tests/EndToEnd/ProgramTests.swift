import DevHost
import FoundationEssentials
import FunctionTesting
import Logging
import PostgresClient
import Testing

@testable import callwaiting

extension EndToEnd {
    /// The program `callwaiting` from outside: its commands and its refusals.
    @Suite struct ProgramTests {
        @Test("migrating twice, and from two processes at once, does no harm")
        func migrate() async throws {
            let bed = try await TestBed.shared.value
            let url = try await TestCluster.makeDatabase()
            let connection = try await PlainConnection(
                url, logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
            for file in ["roles.sql", "supabase_defaults.sql"] {
                let data = try #require(FileManager.default.contents(atPath: "\(TestBed.repository)/sql/\(file)"))
                try await connection.execute(String(decoding: data, as: UTF8.self))
            }
            let name = try await connection.query(Statement("select current_database() as name")).one()
                .decode("name", as: String.self)
            let admin = try await TestCluster.shared.url(database: name, user: "callwaiting_owner")
            let arguments = ["migrate", "--sql", TestBed.repository + "/sql"]

            async let first = bed.run("callwaiting", arguments, ["DATABASE_ADMIN_URL": admin])
            async let second = bed.run("callwaiting", arguments, ["DATABASE_ADMIN_URL": admin])
            let outputs = try await [first, second]
            for run in outputs { #expect(run.status.isSuccess, "\(run.output)") }
            #expect(outputs.filter { $0.output.contains("applied 0001") }.count == 1, "one of them did the work")
            let again = try await bed.run("callwaiting", arguments, ["DATABASE_ADMIN_URL": admin])
            #expect(again.output.contains("nothing to apply"))
            await connection.close()
        }

        @Test("serving as an owner or a superuser is refused", arguments: ["callwaiting_owner", "postgres"])
        func strongRole(_ role: String) async throws {
            let bed = try await TestBed.shared.value
            let url = try #require(bed.settings["DATABASE_URL"]).replacing("callwaiting@", with: "\(role)@")
            let run = try await bed.run("callwaiting", ["http", "--listen", "127.0.0.1:0"], ["DATABASE_URL": url])
            #expect(!run.status.isSuccess)
            #expect(run.output.contains("login role"), "\(run.output)")
        }

        @Test("migrating as a role that cannot pass row-level security is refused")
        func weakOwner() async throws {
            let bed = try await TestBed.shared.value
            let run = try await bed.run(
                "callwaiting", ["migrate", "--sql", TestBed.repository + "/sql"],
                ["DATABASE_ADMIN_URL": try #require(bed.settings["DATABASE_URL"])])
            #expect(!run.status.isSuccess)
            #expect(run.output.contains("BYPASSRLS"))
        }

        @Test("everything wrong with the settings is named at once, without a value")
        func settings() async throws {
            let bed = try await TestBed.shared.value
            let run = try await bed.run(
                "callwaiting", ["http", "--listen", "127.0.0.1:0"],
                [
                    "AUDIO_SIGNING_KEY": "short-canary", "BASIC_PLAN_AMOUNT": "-5", "APP_URL": "ftp://x",
                    "OPENAI_API_KEY": "",
                ])
            #expect(run.status == .code(78))
            for name in ["AUDIO_SIGNING_KEY", "BASIC_PLAN_AMOUNT", "APP_URL", "OPENAI_API_KEY"] {
                #expect(run.output.contains(name), "\(name) is named")
            }
            #expect(!run.output.contains("short-canary"))
        }

        @Test("check finds nothing wrong where everything is right")
        func check() async throws {
            let bed = try await TestBed.shared.value
            let run = try await bed.run("callwaiting", ["check"])
            #expect(run.status.isSuccess, "\(run.output)")
            #expect(run.output.contains("basic: 500 minutes for ₦29.00"))
            let broken = try await bed.run(
                "callwaiting", ["check"], ["DATABASE_URL": "postgresql://callwaiting@/x?host=/tmp/no"])
            #expect(broken.status == .code(1))
        }

        @Test("a person added by the operator can sign in where sign-up is closed")
        func users() async throws {
            let bed = try await TestBed.shared.value
            let email = "added-\(Int.random(in: 1...1_000_000_000))@example.com"
            let added = try await bed.supervisor.run(
                "users",
                Command(
                    "/bin/sh",
                    ["-c", "echo 'long enough' | exec \"$0\" users add \(email)", TestBed.program("callwaiting")],
                    environment: bed.environment()))
            #expect(added.isSuccess)
            let assembly = try await bed.assembly(["SIGN_UP": "closed"])
            let sender = TestClient(assembly.application)
            let session = try await sender.post(
                "/auth/v1/token?grant_type=password", json: #"{"email":"\#(email)","password":"long enough"}"#)
            #expect(session.status == .ok)
            let closed = try await sender.post(
                "/auth/v1/signup", json: #"{"email":"x@example.com","password":"long enough"}"#)
            #expect(try closed.json["error_code"]?.text == "signup_disabled")
            await assembly.services.shutdown()
        }
    }
}
