import Glibc

/// Where the server's programs are.
struct PostgresBinaries: Sendable {
    let directory: String

    var initdb: String { "\(directory)/initdb" }
    var postgres: String { "\(directory)/postgres" }

    /// Looks in the distributions' directories, newest version first, and then behind every `initdb` and `pg_config` in
    /// PATH, which may be links from elsewhere.
    /// - Parameter version: Of an existing cluster, which no other version can open.
    static func find(version: String? = nil) throws -> PostgresBinaries {
        let candidates = versioned(version) + behindPath()
        guard let directory = candidates.first(where: { isComplete($0, version) }) else {
            let wanted = version.map { "Postgres \($0)" } ?? "Postgres"
            throw PostgresClusterError(
                "\(wanted) is not installed: no directory with initdb and postgres among \(candidates)")
        }
        return PostgresBinaries(directory: directory)
    }

    private static func versioned(_ version: String?) -> [String] {
        let roots = [("/usr/lib/postgresql", "", "/bin"), ("/usr", "pgsql-", "/bin"), ("/opt", "postgresql-", "/bin")]
        return roots.flatMap { root, prefix, suffix in
            ((try? Files.names(in: root)) ?? [])
                .filter { $0.hasPrefix(prefix) }
                .compactMap { Int($0.dropFirst(prefix.count)) }
                .filter { version == nil || version == String($0) }
                .sorted(by: >)
                .map { "\(root)/\(prefix)\($0)\(suffix)" }
        }
    }

    private static func behindPath() -> [String] {
        let path = getenv("PATH").map { String(cString: $0) } ?? ""
        let directories = path.split(separator: ":").map(String.init) + ["/usr/local/pgsql/bin"]
        return directories.flatMap { directory in
            ["initdb", "pg_config"].compactMap { name in
                Files.resolved("\(directory)/\(name)").map { String($0.dropLast(name.count + 1)) }
            }
        }
    }

    private static func isComplete(_ directory: String, _ version: String?) -> Bool {
        guard access("\(directory)/initdb", X_OK) == 0, access("\(directory)/postgres", X_OK) == 0 else { return false }
        // Debian names the version in the path; elsewhere the server itself refuses data of another version.
        guard let version, directory.hasPrefix("/usr/lib/postgresql/") else { return true }
        return directory.hasPrefix("/usr/lib/postgresql/\(version)/")
    }
}

extension Files {
    /// Where a path leads through all links; nil when it leads nowhere.
    static func resolved(_ path: String) -> String? {
        guard let text = realpath(path, nil) else { return nil }
        defer { free(text) }
        return String(cString: text)
    }
}
