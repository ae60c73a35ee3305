import CGlibc

/// The directory of this user's resident servers. Nobody else can enter it, whoever made what is above it.
///
/// ```
/// /tmp/callwaiting-cgi-<uid>/     or $XDG_RUNTIME_DIR/callwaiting-cgi, or where the installation says
///   <key>.sock                    where a server listens
///   <key>.lock                    held by that server, and by who starts it
///   log                           what servers write
/// ```
struct ResidentDirectory {
    let path: String
    /// Open on the directory; names are resolved in it, so that nothing put in its place later counts.
    let descriptor: Int32

    enum Refusal: Error {
        case system(String, Int32)
        /// It is not a directory of this user's that is closed to all others.
        case notPrivate(String)

        var text: String {
            switch self {
            case .system(let path, let code): "\(path): \(System.message(code))"
            case .notPrivate(let path): "\(path) is not a directory that this user alone owns and may enter (mode 700)"
            }
        }
    }

    /// Opens the directory, and makes it first when there is none.
    ///
    /// - Throws: ``Refusal``, of a symbolic link too.
    init(_ path: String) throws(Refusal) {
        self.path = path
        if mkdir(path, 0o700) != 0, errno != EEXIST { throw .system(path, errno) }
        descriptor = cglibc_open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
        guard descriptor >= 0 else {
            throw errno == ELOOP || errno == ENOTDIR ? .notPrivate(path) : .system(path, errno)
        }
        var status = stat()
        guard fstat(descriptor, &status) == 0, status.st_uid == geteuid(), status.st_mode & 0o077 == 0 else {
            close(descriptor)
            throw .notPrivate(path)
        }
    }

    static func path(_ names: InstallationNames, _ environment: CGIEnvironment) -> String {
        if let chosen = environment[names.directoryVariable] { return chosen }
        if let runtime = environment["XDG_RUNTIME_DIR"] { return "\(runtime)/callwaiting-cgi" }
        return "/tmp/callwaiting-cgi-\(geteuid())"
    }

    /// Short enough for a socket's address however long the directory's own path is.
    func address(of name: String) -> String { "/proc/self/fd/\(descriptor)/\(name)" }
}
