import Glibc

/// Who owns a Unix socket's file.
public struct SocketOwner: Sendable, Hashable {
    /// nil leaves it as it is.
    public var user: uid_t?
    /// nil leaves it as it is.
    public var group: gid_t?

    public init(user: uid_t? = nil, group: gid_t? = nil) {
        self.user = user
        self.group = group
    }

    /// Reads `USER`, `USER:GROUP` or `:GROUP`, by name or number, as chown(1) does.
    ///
    /// - Throws: ``ServerError/unknownOwner(_:)``.
    public init(_ text: String) throws(ServerError) {
        let parts = text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
        let group = parts.count == 2 ? parts[1] : ""
        guard !parts[0].isEmpty || !group.isEmpty else { throw .unknownOwner(text) }
        if !parts[0].isEmpty {
            guard let id = uid_t(parts[0]) ?? getpwnam(parts[0])?.pointee.pw_uid else { throw .unknownOwner(parts[0]) }
            user = id
        }
        if !group.isEmpty {
            guard let id = gid_t(group) ?? getgrnam(group)?.pointee.gr_gid else { throw .unknownOwner(group) }
            self.group = id
        }
    }
}
