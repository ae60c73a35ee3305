import Crypto
import DevHost
import FoundationEssentials
import Logging
import PostgresClient

/// The one Postgres that everything is measured with, migrated, with a person in it who asks.
struct BenchDatabase: Sendable {
    /// A secret for tokens and signatures; nobody outside this process and its children meets it.
    static let secret = "benchmarks-only-benchmarks-only-benchmarks-only"

    /// pgbench prepares its statements before it switches roles, so it logs in as somebody who may see the functions.
    static let pgbenchRole = "callwaiting_pgbench"

    let cluster: PostgresCluster
    /// An access token of the person, good for a day.
    let token: String
    /// What the peers set as `request.jwt.claims`.
    let claims: String

    var url: String { cluster.url(user: "callwaiting") }

    /// Settings for a cluster that several hundred connections and a million rows fit into. It is as durable as
    /// Postgres is by default.
    private static let options: PostgresCluster.Options = {
        var options = PostgresCluster.Options.temporary
        options.durable = true
        options.settings = ["shared_buffers": "1GB", "max_connections": "200", "max_wal_size": "4GB"]
        return options
    }()

    static func start(_ lab: Lab) async throws -> BenchDatabase {
        lab.say("starting Postgres")
        let cluster = try await PostgresCluster.temporary(options: options, logger: lab.logger)
        let connection = try await PlainConnection(cluster.databaseURL, logger: lab.logger)
        for name in ["roles.sql", "supabase_defaults.sql"] {
            guard let script = try Files.read("\(lab.sql)/\(name)") else { throw BenchError("no \(lab.sql)/\(name)") }
            try await connection.execute(script)
        }
        var environment = lab.settings
        environment["DATABASE_ADMIN_URL"] = cluster.url(user: "callwaiting_owner")
        _ = try await lab.output(Command(lab.callwaiting, ["migrate", "--sql", lab.sql], environment: environment))
        let rows = try await connection.query(
            Statement(
                """
                insert into auth.users (email, email_confirmed_at) values ('bench@callwaiting.test', now())
                returning id::text
                """))
        let person = try rows.one().decode("id", as: String.self)
        try await connection.execute("create role \(pgbenchRole) login; grant authenticated to \(pgbenchRole)")
        await connection.close()
        return BenchDatabase(
            cluster: cluster, token: token(for: person), claims: #"{"sub":"\#(person)","role":"authenticated"}"#)
    }

    /// Makes another database of the same content, for what would leave too much behind in this one.
    func copy(as name: String, logger: Logger) async throws {
        let admin = try await PlainConnection(cluster.url(database: "postgres"), logger: logger)
        try await admin.execute("create database \(name) template callwaiting")
        await admin.close()
    }

    /// A token as Supabase signs it (HS256, RFC 7515 appendix A.1).
    private static func token(for person: String) -> String {
        let now = Int(Date().timeIntervalSince1970)
        let payload = """
            {"iss":"http://127.0.0.1/auth/v1","sub":"\(person)","aud":"authenticated","exp":\(now + 86_400),\
            "iat":\(now),"email":"bench@callwaiting.test","phone":"","role":"authenticated","aal":"aal1",\
            "amr":[{"method":"password","timestamp":\(now)}],\
            "session_id":"7a3c8a4e-0a44-4f0e-9d53-3a3d3d0f6a51","is_anonymous":false}
            """
        let signed = base64URL(Data(#"{"alg":"HS256","typ":"JWT"}"#.utf8)) + "." + base64URL(Data(payload.utf8))
        let code = HMAC<SHA256>.authenticationCode(
            for: Data(signed.utf8), using: SymmetricKey(data: Data(secret.utf8)))
        return signed + "." + base64URL(Data(code))
    }

    private static func base64URL(_ data: Data) -> String {
        data.base64EncodedString()
            .map { character -> String in
                switch character {
                case "+": "-"
                case "/": "_"
                case "=": ""
                default: String(character)
                }
            }.joined()
    }
}

extension Lab {
    /// Settings of `callwaiting` that have no bearing on speed, and those that the benchmarks set.
    var settings: [String: String] {
        Command.plainEnvironment().merging([
            // An empty file, since otherwise a `.env` in this directory would be read too.
            "CALLWAITING_ENV_FILE": "\(state.path)/settings.env",
            "PUBLIC_URL": "http://127.0.0.1", "APP_URL": "http://127.0.0.1",
            "AUDIO_DIRECTORY": state.path, "AUDIO_SIGNING_KEY": BenchDatabase.secret,
            "SUPABASE_JWT_SECRET": BenchDatabase.secret,
            "OPENAI_BASE_URL": "http://127.0.0.1:9", "OPENAI_API_KEY": "none",
            "MINIMAX_BASE_URL": "http://127.0.0.1:9", "MINIMAX_API_KEY": "none",
            "FLUTTERWAVE_BASE_URL": "http://127.0.0.1:9", "FLUTTERWAVE_SECRET_KEY": "none",
            "FLUTTERWAVE_WEBHOOK_SECRET_HASH": "none",
            "BASIC_PLAN_AMOUNT": "2900", "PRO_PLAN_AMOUNT": "19900", "ENTERPRISE_PLAN_AMOUNT": "99900",
            // Limits are counted, as they are in production, but nobody reaches them.
            "RATE_LIMIT_AGENT": "1000000", "AGENT_CALLS_AT_ONCE": "1000000",
            // No peer writes a line for each request either.
            "LOG_LEVEL": "warning",
        ]) { $1 }
    }
}
