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
        guard let setpriv = ["/usr/bin/setpriv", "/bin/setpriv"].first(where: Files.exists) else {
            throw PostgresClusterError("setpriv (util-linux) is needed to run Postgres as user `\(name)`")
        }
        let user = entry.pointee.pw_uid
        let group = entry.pointee.pw_gid
        return PostgresAccount(
            user: user, group: group,
            prefix: [setpriv, "--reuid=\(user)", "--regid=\(group)", "--init-groups", "--"])
    }

    /// A command that runs as this account, with no setting of ours in its environment.
    func command(_ executable: String, _ arguments: [String]) -> Command {
        let whole = prefix + [executable] + arguments
        return Command(whole[0], Array(whole.dropFirst()), environment: Command.plainEnvironment())
    }

    /// A new private directory under /tmp that belongs to the account.
    func makeSocketDirectory() throws(SystemCallError) -> String {
        let path = Self.socketPrefix + String(UInt64.random(in: 0 ... .max), radix: 36)
        try SystemCallError.check("mkdir \(path)", mkdir(path, 0o700))
        try own(path)
        return path
    }

    static let socketPrefix = "/tmp/callwaiting-pg-"

    /// Hands a directory over to the account, and closes it to everybody else.
    func own(_ path: String) throws(SystemCallError) {
        try SystemCallError.check("chown \(path)", chown(path, user, group))
        try SystemCallError.check("chmod \(path)", chmod(path, 0o700))
    }
}
