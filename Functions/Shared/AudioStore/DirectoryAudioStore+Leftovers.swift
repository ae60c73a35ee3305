import FunctionCore

#if canImport(Darwin)
    import Darwin
#elseif canImport(Musl)
    import Musl
#else
    import Glibc
#endif

extension DirectoryAudioStore {
    public func deleteLeftovers(olderThan age: Duration) async throws(AudioStoreError) -> Int {
        let folder = UInt8.random(in: .min ... .max)
        return try await deleteLeftovers(olderThan: age, in: folder...folder)
    }

    /// Looks at some of the 256 folders. Files that are not ours stay.
    func deleteLeftovers(olderThan age: Duration, in folders: ClosedRange<UInt8>) async throws(AudioStoreError) -> Int {
        let latest = Int(time(nil)) - Int(age.components.seconds)
        var deleted = 0
        for number in folders {
            let folder = "\(directory)/\([number].hex)"
            deleted += try await run { () throws(SystemError) in
                var deleted = 0
                for name in try Self.names(in: folder) where Self.isOurs(name) {
                    if try Self.delete("\(folder)/\(name)", ifNotAfter: latest) { deleted += 1 }
                }
                return deleted
            }
        }
        return deleted
    }

    /// `<id>.mp3`; and `.<id>.unfinished`, which recordings were called while they were written.
    private static func isOurs(_ name: String) -> Bool {
        if name.hasSuffix(".mp3") { return AudioID(name.dropLast(".mp3".count)) != nil }
        return name.hasPrefix(".") && name.hasSuffix(".unfinished")
            && AudioID(name.dropFirst().dropLast(".unfinished".count)) != nil
    }

    /// - Returns: nothing for a folder that has not been made yet.
    private static func names(in folder: String) throws(SystemError) -> [String] {
        guard let stream = opendir(folder) else {
            if errno == ENOENT { return [] }
            throw SystemError("opendir")
        }
        defer { closedir(stream) }
        var names: [String] = []
        while let entry = readdir(stream) {
            names.append(
                withUnsafePointer(to: &entry.pointee.d_name) { name in
                    name.withMemoryRebound(to: CChar.self, capacity: Int(NAME_MAX) + 1) { String(cString: $0) }
                })
        }
        return names
    }

    private static func delete(_ path: String, ifNotAfter latest: Int) throws(SystemError) -> Bool {
        var status = stat()
        guard lstat(path, &status) == 0 else {
            if errno == ENOENT { return false }
            throw SystemError("lstat")
        }
        #if canImport(Darwin)
            let modified = Int(status.st_mtimespec.tv_sec)
        #else
            let modified = Int(status.st_mtim.tv_sec)
        #endif
        guard modified <= latest else { return false }
        if unlink(path) == 0 { return true }
        guard errno == ENOENT else { throw SystemError("unlink") }
        return false
    }
}
