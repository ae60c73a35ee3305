/// What the role that logs in may do by itself. A serving process logs in as one that can only switch to other roles:
/// row-level security would not hold it otherwise.
enum LoginRole {
    /// One row of booleans about `session_user`. `pg_shdepend` knows every object's owner, of any kind.
    static let examination = Statement(
        """
        select r.rolname,
          r.rolsuper as superuser,
          r.rolbypassrls as bypassrls,
          r.rolcreaterole as createrole,
          r.rolreplication as replication,
          exists (
            select from pg_catalog.pg_shdepend d
            where d.refclassid = 'pg_catalog.pg_authid'::pg_catalog.regclass and d.refobjid = r.oid and d.deptype = 'o'
              and d.dbid in (0, (select oid from pg_catalog.pg_database where datname = pg_catalog.current_database()))
          ) as owner,
          exists (
            select from pg_catalog.pg_auth_members m
            where m.member = r.oid and pg_catalog.pg_has_role(r.oid, m.roleid, 'usage')
          ) as inherits,
          exists (
            select from pg_catalog.pg_roles s
            where s.oid <> r.oid and (s.rolsuper or s.rolbypassrls) and pg_catalog.pg_has_role(r.oid, s.oid, 'member')
          ) as reaches
        from pg_catalog.pg_roles r
        where r.rolname = session_user
        """)

    /// - Throws: `.loginRoleTooStrong` with every reason.
    static func verify(_ rows: Rows) throws(DatabaseError) {
        let row = try rows.one()
        var reasons: [String] = []
        for (column, reason) in [
            ("superuser", "is a superuser"),
            ("bypassrls", "has BYPASSRLS"),
            ("createrole", "has CREATEROLE"),
            ("replication", "has REPLICATION"),
            ("owner", "owns objects of this database"),
            ("inherits", "inherits the privileges of a role it is a member of"),
            ("reaches", "can switch to a superuser or a role with BYPASSRLS"),
        ] where try row.decode(column, as: Bool.self) {
            reasons.append(reason)
        }
        guard !reasons.isEmpty else { return }
        let name = try row.decode("rolname", as: String.self)
        throw DatabaseError(.loginRoleTooStrong, "role \(name) " + reasons.joined(separator: ", "))
    }
}
