import PostgresClient

/// The roles that a transaction can run as (sql/roles.sql). A transaction's role is a constant of the code: a token's
/// `role` claim never gets here.
extension DatabaseRole {
    public static let anon = DatabaseRole("anon")
    /// A signed-in user, seen by row-level security through the claims.
    public static let authenticated = DatabaseRole("authenticated")
    /// A caller with an agent's key; holds no privilege on any table.
    public static let agent = DatabaseRole("callwaiting_agent")
    /// Admits, settles and releases.
    public static let meter = DatabaseRole("callwaiting_meter")
    public static let payments = DatabaseRole("callwaiting_payments")
    /// Signs people up and in.
    public static let auth = DatabaseRole("callwaiting_auth")
    public static let worker = DatabaseRole("callwaiting_worker")
}
