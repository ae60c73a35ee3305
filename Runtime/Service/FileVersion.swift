import Glibc

/// Which file a name leads to, and when it was last written: enough to see that a program or a configuration has been
/// replaced.
public struct FileVersion: Sendable, Equatable {
    struct File: Sendable, Equatable {
        let device: UInt64
        let inode: UInt64
    }

    let file: File
    private let size: Int64
    /// Nanoseconds since 1970.
    private let modified: Int64

    /// - Returns: nil when there is no such file.
    public init?(_ path: String) {
        var status = stat()
        guard stat(path, &status) == 0 else { return nil }
        file = File(device: UInt64(status.st_dev), inode: UInt64(status.st_ino))
        size = Int64(status.st_size)
        modified = Int64(status.st_mtim.tv_sec) * 1_000_000_000 + Int64(status.st_mtim.tv_nsec)
    }
}
