import FoundationEssentials
import Glibc

/// The few things that a cluster needs of the file system.
enum PostgresFiles {
    static func exists(_ path: String) -> Bool { access(path, F_OK) == 0 }

    /// Makes a directory and those above it. One that exists is fine.
    static func makeDirectory(_ path: String) throws {
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }

    /// Removes a file or a whole directory, if it is there.
    static func remove(_ path: String) {
        try? FileManager.default.removeItem(atPath: path)
    }

    static func names(in directory: String) -> [String] {
        (try? FileManager.default.contentsOfDirectory(atPath: directory)) ?? []
    }

    /// The last `limit` bytes of a file, as text; nil when it cannot be read.
    static func read(_ path: String, last limit: Int = 65_536) -> String? {
        let file = open(path, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { return nil }
        defer { close(file) }
        let size = lseek(file, 0, SEEK_END)
        lseek(file, max(0, size - limit), SEEK_SET)
        let bytes = [UInt8](unsafeUninitializedCapacity: limit) { buffer, count in
            count = max(0, Glibc.read(file, buffer.baseAddress, limit))
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// Where a symbolic link, or a path through some, ends.
    static func resolve(_ path: String) -> String? {
        guard let resolved = realpath(path, nil) else { return nil }
        defer { free(resolved) }
        return String(cString: resolved)
    }

    /// The first of the directories that holds an executable file of this name.
    static func find(_ name: String, in directories: [String]) -> String? {
        directories.lazy.map { "\($0)/\(name)" }.first { access($0, X_OK) == 0 }
    }

    static var lastError: String { String(cString: strerror(errno)) }
}
