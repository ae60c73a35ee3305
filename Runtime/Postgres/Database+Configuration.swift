extension Database {
    /// Whether statements are prepared. Never for Supabase's transaction pooler.
    public enum Prepared: Sendable {
        case always
        case never
        /// Not where a pooler answers instead of Postgres: many, such as PgBouncer before 1.21, lose them. A pooler shows
        /// in that the process it names at connecting is not the one that answers queries.
        case unlessPooled
    }

    /// How to reach Postgres, and every bound on what waits for it.
    public struct Configuration: Sendable {
        /// A libpq URI or keyword/value string. Not kept in any error or log line.
        public var connectionString: String
        /// Connections of the fast lane, made as they are needed: another one when those at work do not keep up.
        public var connections = 2
        /// Connections of the durable lane; with 0 its transactions go over the fast one, as they do when it gets none.
        public var durableConnections = 8
        /// Connections of the slow lane.
        public var slowConnections = 1
        /// Transactions that may wait in one lane; one more is `.unavailable(.queueFull)`.
        public var queueLimit = 1024
        /// For each statement of the fast and the durable lane, by the server.
        public var statementTimeout: Duration = .seconds(5)
        /// For each statement of the slow lane, by the server.
        public var slowStatementTimeout: Duration = .seconds(30)
        public var connectTimeout: Duration = .seconds(5)
        /// From a failed attempt to connect to the next one; doubles with each failure up to `longestReconnectDelay`.
        public var reconnectDelay: Duration = .milliseconds(100)
        public var longestReconnectDelay: Duration = .seconds(2)
        public var prepared = Prepared.unlessPooled
        /// Off: one Sync in flight on a connection. Off always for Supabase's transaction pooler.
        public var batch = true
        /// Transactions sent on one connection before the first answer is read.
        public var batchLimit = 64
        /// Refuses to use a connection whose login role could get around row-level security.
        public var verifiesLoginRole = true
        public var applicationName = "callwaiting"

        public init(connectionString: String) {
            self.connectionString = connectionString
        }
    }
}
