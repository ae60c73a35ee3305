import Glibc

/// Everything that a development host keeps on disk, held by one host at a time.
///
/// ```
/// .callwaiting/
///   lock            held while a host runs; names its process
///   leftovers.lock  held by the host's watchers too, so it tells when the last of a killed host's programs has ended
///   sockets         names the private directory under /tmp, so that the next start can remove a killed host's
///   dev.json        where everything is; exists while the host is ready
///   logs/ audio/ …
/// ```
public final class StateDirectory: Sendable {
    /// From a killed host's end to that of the programs it ran, at most.
    static let leftoverPatience = Duration.seconds(30)
    static let socketPrefix = "/tmp/callwaiting-"

    public let path: String
    /// A short private directory under /tmp for Unix sockets, whose paths end at 107 bytes. Others may pass through it,
    /// since Postgres may run as somebody else, but not look into it.
    public let sockets: String
    private let lock: FileLock
    private let leftovers: FileLock

    public struct InUse: Error, CustomStringConvertible {
        public let path: String
        /// What the holder wrote into the lock: its process id.
        public let holder: String

        public var description: String {
            "a development host is running on \(path)\(holder.isEmpty ? "" : " (process \(holder))"): "
                + "end that one, or choose another directory by --state"
        }
    }

    /// The programs of a host that was killed have not ended.
    public struct LeftoversRemain: Error, CustomStringConvertible {
        public let path: String
        public var description: String { "programs of a host that was killed still run on \(path); see its logs" }
    }

    /// Takes the directory, makes it when it is not there, and cleans up after a host that was killed.
    ///
    /// - Parameter path: need not be absolute.
    /// - Throws: ``InUse`` when another host holds it, ``LeftoversRemain``, ``SystemCallError``.
    public init(_ path: String) async throws {
        let path = Files.absolute(path)
        self.path = path
        try Files.createDirectory(path, mode: 0o711)
        guard let lock = try FileLock.take("\(path)/lock") else {
            throw InUse(path: path, holder: (try? Files.read("\(path)/lock")) ?? "")
        }
        try Self.name(holder: getpid(), in: lock)
        let leftovers = try await Self.leftovers(of: path)
        try Self.cleanUp(path)
        sockets = try Self.makeSockets(noting: "\(path)/sockets")
        self.lock = lock
        self.leftovers = leftovers
    }

    /// Whether a host holds the directory now: one that was killed has left its files, but not its lock.
    public static func isHeld(_ path: String) throws(SystemCallError) -> Bool {
        guard Files.exists("\(path)/lock") else { return false }
        return try FileLock.take("\(path)/lock") == nil
    }

    public var logs: String { "\(path)/logs" }
    public var devFile: String { "\(path)/dev.json" }
    var leftoversDescriptor: Int32 { leftovers.descriptor }

    /// Removes everything that earlier hosts kept here, but not the locks.
    public func reset() throws(SystemCallError) {
        for name in try Files.names(in: path) where !["lock", "leftovers.lock", "sockets"].contains(name) {
            try Files.remove("\(path)/\(name)")
        }
    }

    /// Removes what is only there while a host runs. The locks end with the process.
    public func cleanUp() throws(SystemCallError) { try Self.cleanUp(path) }

    private static func cleanUp(_ path: String) throws(SystemCallError) {
        try Files.remove("\(path)/dev.json")
        guard let sockets = try Files.read("\(path)/sockets") else { return }
        // The file is ours, yet what it names is removed whole: nothing but a name that we could have made will do.
        if sockets.hasPrefix(socketPrefix), !sockets.dropFirst(socketPrefix.count).contains("/") {
            try Files.remove(sockets)
        }
        try Files.remove("\(path)/sockets")
    }

    /// Notes the name before it makes the directory, so that being killed in between leaves nothing behind.
    private static func makeSockets(noting note: String) throws(SystemCallError) -> String {
        let path = socketPrefix + String(UInt64.random(in: 0 ... .max), radix: 36)
        try Files.write(path, to: note, mode: 0o600)
        try SystemCallError.check("mkdir \(path)", mkdir(path, 0o711))
        try SystemCallError.check("chmod \(path)", chmod(path, 0o711))
        return path
    }

    private static func name(holder: pid_t, in lock: FileLock) throws(SystemCallError) {
        try SystemCallError.check("truncate lock", ftruncate(lock.descriptor, 0))
        try Files.writeAll(Array("\(holder)".utf8)[...], to: lock.descriptor, name: "lock")
    }

    private static func leftovers(of path: String) async throws -> FileLock {
        let end = ContinuousClock.now + leftoverPatience
        while true {
            if let lock = try FileLock.take("\(path)/leftovers.lock") { return lock }
            guard .now < end else { throw LeftoversRemain(path: path) }
            try await Task.sleep(for: .milliseconds(50))
        }
    }
}
