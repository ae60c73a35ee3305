import Glibc

/// The few things that the development host does to files, by name and without following what it is to remove.
public enum Files {
    /// Largest file that is read whole, in bytes.
    static let readLimit = 16 * 1_048_576

    /// Makes the directory and those above it. One that is there already keeps its mode.
    public static func createDirectory(_ path: String, mode: mode_t) throws(SystemCallError) {
        if mkdir(path, mode) == 0 { return }
        if errno == ENOENT, let slash = path.lastIndex(of: "/"), slash != path.startIndex {
            try createDirectory(String(path[..<slash]), mode: mode)
            if mkdir(path, mode) == 0 { return }
        }
        let code = errno
        guard code == EEXIST, isDirectory(path) else { throw SystemCallError("mkdir \(path)", code: code) }
    }

    public static func exists(_ path: String) -> Bool { access(path, F_OK) == 0 }

    public static func isDirectory(_ path: String) -> Bool {
        var status = stat()
        return stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
    }

    /// The file's text.
    ///
    /// - Returns: nil when there is no such file.
    /// - Throws: ``SystemCallError``; `EFBIG` for more than 16 MiB.
    public static func read(_ path: String) throws(SystemCallError) -> String? {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        if descriptor == -1 {
            if errno == ENOENT { return nil }
            throw SystemCallError("open \(path)")
        }
        defer { close(descriptor) }
        return try read(descriptor: descriptor, from: 0, name: path)
    }

    /// What the file holds from `offset` on, wherever its descriptor stands.
    static func read(descriptor: Int32, from offset: off_t, name: String) throws(SystemCallError) -> String {
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 65_536)
        while true {
            let count = pread(descriptor, &chunk, chunk.count, offset + off_t(bytes.count))
            if count == -1, errno == EINTR { continue }
            guard count >= 0 else { throw SystemCallError("read \(name)") }
            if count == 0 { return String(decoding: bytes, as: UTF8.self) }
            bytes += chunk[..<count]
            guard bytes.count <= readLimit else { throw SystemCallError("read \(name)", code: EFBIG) }
        }
    }

    /// Writes the file so that a reader sees all of it or what was there before.
    public static func write(_ text: String, to path: String, mode: mode_t) throws(SystemCallError) {
        try write(Array(text.utf8), to: path, mode: mode)
    }

    /// Writes the file so that a reader sees all of it or what was there before.
    public static func write(_ bytes: [UInt8], to path: String, mode: mode_t) throws(SystemCallError) {
        let draft = "\(path).\(getpid())"
        try writePlainly(bytes, to: draft, mode: mode)
        if rename(draft, path) == -1 {
            let error = SystemCallError("rename \(draft)")
            unlink(draft)
            throw error
        }
    }

    private static func writePlainly(_ bytes: [UInt8], to path: String, mode: mode_t) throws(SystemCallError) {
        let descriptor = try SystemCallError.check(
            "create \(path)", open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode))
        defer { close(descriptor) }
        try writeAll(bytes[...], to: descriptor, name: path)
    }

    /// Writes to a descriptor until everything is out.
    static func writeAll(_ bytes: ArraySlice<UInt8>, to descriptor: Int32, name: String) throws(SystemCallError) {
        var rest = bytes
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
            if count == -1, errno == EINTR { continue }
            guard count > 0 else { throw SystemCallError("write \(name)") }
            rest = rest.dropFirst(count)
        }
    }

    /// Removes the file, or the directory and what is in it. Links are removed, not followed. Gone already is fine.
    public static func remove(_ path: String) throws(SystemCallError) {
        if unlink(path) == 0 || errno == ENOENT { return }
        guard errno == EISDIR || errno == EPERM else { throw SystemCallError("unlink \(path)") }
        for name in try names(in: path) { try remove("\(path)/\(name)") }
        if rmdir(path) == -1, errno != ENOENT { throw SystemCallError("rmdir \(path)") }
    }

    /// A file without a name, which goes when the last descriptor of it is closed.
    ///
    /// - Returns: its descriptor, at the beginning of `bytes`.
    static func unnamed(holding bytes: [UInt8] = []) throws(SystemCallError) -> Int32 {
        let path = "/tmp/callwaiting-file-\(String(UInt64.random(in: 0 ... .max), radix: 36))"
        let file = try SystemCallError.check("create \(path)", open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0o600))
        unlink(path)
        var written = 0
        while written < bytes.count {
            let count = bytes[written...].withUnsafeBytes { pwrite(file, $0.baseAddress, $0.count, off_t(written)) }
            if count == -1, errno == EINTR { continue }
            guard count > 0 else {
                let error = SystemCallError("write \(path)")
                close(file)
                throw error
            }
            written += count
        }
        return file
    }

    /// What is in the directory, in no order.
    public static func names(in path: String) throws(SystemCallError) -> [String] {
        guard let directory = opendir(path) else { throw SystemCallError("opendir \(path)") }
        defer { closedir(directory) }
        var names: [String] = []
        while let entry = readdir(directory) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: Int(NAME_MAX) + 1) { String(cString: $0) }
            }
            if name != "." && name != ".." { names.append(name) }
        }
        return names
    }

    /// The path from the root, whatever of it exists; `.` and `..` are taken out by name.
    public static func absolute(_ path: String) -> String {
        var parts: [Substring] = []
        let whole = path.hasPrefix("/") ? path : "\(currentDirectory)/\(path)"
        for part in whole.split(separator: "/") where part != "." {
            if part == ".." { _ = parts.popLast() } else { parts.append(part) }
        }
        return "/" + parts.joined(separator: "/")
    }

    private static var currentDirectory: String {
        guard let text = getcwd(nil, 0) else { return "/" }
        defer { free(text) }
        return String(cString: text)
    }

    /// The running program's own file, links resolved.
    public static func executable() throws(SystemCallError) -> String {
        guard let text = realpath("/proc/self/exe", nil) else { throw SystemCallError("realpath /proc/self/exe") }
        defer { free(text) }
        return String(cString: text)
    }
}
