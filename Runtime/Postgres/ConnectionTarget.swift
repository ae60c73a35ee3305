import CPostgres

/// Where to connect, with the parameters that every connection of ours has.
struct ConnectionTarget: Sendable {
    let connectionString: String
    let applicationName: String
    /// From the first packet to "ready for query", all addresses together.
    let connectTimeout: Duration
    /// True where replies to pipelined batches and prepared statements get lost: Supabase's transaction pooler.
    let isTransactionPooler: Bool

    /// - Throws: `.invalidConnectionString`, whose message libpq keeps free of the password.
    init(_ connectionString: String, applicationName: String, connectTimeout: Duration) throws(DatabaseError) {
        self.connectionString = connectionString
        self.applicationName = applicationName
        self.connectTimeout = connectTimeout
        let options = try Self.parse(connectionString)
        let hosts = (options["host"] ?? "").split(separator: ",")
        let ports = (options["port"] ?? "").split(separator: ",")
        isTransactionPooler =
            ports.contains("6543")
            || hosts.contains { $0 == "pooler.supabase.com" || $0.hasSuffix(".pooler.supabase.com") }
    }

    /// Keywords and values for PQconnectStartParams, in which a later one overrides an earlier one: before `dbname`,
    /// which stands for the whole connection string, come defaults; after it what may not differ.
    var parameters: [(keyword: String, value: String)] {
        [
            ("application_name", applicationName),
            ("keepalives", "1"),
            ("keepalives_idle", "30"),
            ("keepalives_interval", "5"),
            ("keepalives_count", "3"),
            ("tcp_user_timeout", "30000"),
            ("dbname", connectionString),
            ("client_encoding", "UTF8"),
        ]
    }

    private static func parse(_ text: String) throws(DatabaseError) -> [String: String] {
        var message: UnsafeMutablePointer<CChar>?
        guard !text.containsNUL, let options = PQconninfoParse(text, &message) else {
            // libpq quotes the string in some messages, so its text does not travel further.
            if let message { PQfreemem(message) }
            throw DatabaseError(.invalidConnectionString, "not a PostgreSQL connection URI or keyword/value string")
        }
        defer { PQconninfoFree(options) }
        var values: [String: String] = [:]
        var option = options
        while let keyword = option.pointee.keyword {
            if let value = option.pointee.val { values[String(cString: keyword)] = String(cString: value) }
            option += 1
        }
        return values
    }
}
