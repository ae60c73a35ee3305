import Glibc

/// A lock that lasts as long as somebody holds the descriptor (flock(2)): no process can die and leave it behind.
final class FileLock: Sendable {
    let descriptor: Int32

    private init(descriptor: Int32) { self.descriptor = descriptor }

    /// - Returns: nil when somebody else holds it.
    static func take(_ path: String) throws(SystemCallError) -> FileLock? {
        let lock = FileLock(
            descriptor: try SystemCallError.check("open \(path)", open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)))
        if flock(lock.descriptor, LOCK_EX | LOCK_NB) == 0 { return lock }
        let error = SystemCallError("flock \(path)")
        guard error.code == EWOULDBLOCK else { throw error }
        return nil
    }

    deinit { close(descriptor) }
}
