import Glibc

/// Who Postgres runs as. It refuses to run as root, so root starts it as the user `postgres`.
struct PostgresAccount: Sendable {
    let user: uid_t
    let group: gid_t
    /// What comes before a command so that it runs as this account; empty when that is who we are.
    let prefix: [String]

    static let name = "postgres"

    static func current() throws -> PostgresAccount {
        guard geteuid() == 0 else { return PostgresAccount(user: geteuid(), group: getegid(), prefix: []) }
        guard let entry = getpwnam(name) else {
            throw PostgresClusterError("Postgres does not run as root, and there is no user `\(name)` to run it as")
        }
        guard let setpriv = PostgresFiles.find("setpriv", in: ["/usr/bin", "/bin"]) else {
            throw PostgresClusterError("setpriv (util-linux) is needed to run Postgres as user `\(name)`")
        }
        let user = entry.pointee.pw_uid, group = entry.pointee.pw_gid
        return PostgresAccount(
            user: user, group: group,
            prefix: [setpriv, "--reuid=\(user)", "--regid=\(group)", "--init-groups", "--"])
    }

    /// A new private directory under /tmp that belongs to the account.
    func makeSocketDirectory() throws -> String {
        var template = Array((Self.socketPrefix + "XXXXXX").utf8CString)
        guard mkdtemp(&template) != nil else {
            throw PostgresClusterError("cannot make a directory under /tmp: \(PostgresFiles.lastError)")
        }
        let path = template.withUnsafeBufferPointer { String(cString: $0.baseAddress.unsafelyUnwrapped) }
        try own(path)
        return path
    }

    static let socketPrefix = "/tmp/callwaiting-"

    func own(_ path: String) throws {
        guard chown(path, user, group) == 0, chmod(path, 0o700) == 0 else {
            throw PostgresClusterError("cannot hand \(path) to the Postgres account: \(PostgresFiles.lastError)")
        }
    }
}
