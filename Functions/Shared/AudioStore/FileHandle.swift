#if canImport(Darwin)
    import Darwin
#elseif canImport(Musl)
    import Musl
#else
    import Glibc
#endif

/// A system call that failed.
struct SystemError: Error {
    let call: String
    let code: Int32

    /// Takes `errno`, so it must be made before anything else is called.
    init(_ call: String) { self.init(call, code: errno) }

    init(_ call: String, code: Int32) {
        self.call = call
        self.code = code
    }

    var audioStoreError: AudioStoreError {
        let isFull = code == ENOSPC || code == EDQUOT || code == EFBIG
        return AudioStoreError(isFull ? .full : .unavailable, "\(call): \(String(cString: strerror(code)))")
    }
}

/// One file descriptor, closed when the last reference goes. All calls block.
final class FileHandle: Sendable {
    private let descriptor: Int32

    /// - Throws: also when `path` is a symbolic link, or does not exist.
    init(reading path: String, directory: Bool = false) throws(SystemError) {
        descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | (directory ? O_DIRECTORY : 0))
        guard descriptor >= 0 else { throw SystemError("open") }
    }

    /// - Throws: also when `path` exists.
    init(creating path: String) throws(SystemError) {
        // Readable for the group: a web server may send the file itself.
        descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0o640)
        guard descriptor >= 0 else { throw SystemError("open") }
    }

    deinit {
        if descriptor >= 0 { close(descriptor) }
    }

    func size() throws(SystemError) -> Int {
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw SystemError("fstat") }
        return Int(status.st_size)
    }

    func write(_ bytes: [UInt8]) throws(SystemError) {
        var written = 0
        while written < bytes.count {
            let count = bytes.withUnsafeBytes { buffer in
                pwrite(descriptor, buffer.baseAddress! + written, buffer.count - written, off_t(written))
            }
            if count < 0, errno != EINTR { throw SystemError("write") }
            written += max(0, count)
        }
    }

    /// - Returns: at most `count` bytes from `position`; none at the end of the file.
    func read(_ count: Int, at position: Int) throws(SystemError) -> [UInt8] {
        while true {
            var result = 0
            let bytes = [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
                result = pread(descriptor, buffer.baseAddress, count, off_t(position))
                initialized = max(0, result)
            }
            if result >= 0 { return bytes }
            guard errno == EINTR else { throw SystemError("read") }
        }
    }

    func synchronize() throws(SystemError) {
        while fsync(descriptor) != 0 {
            guard errno == EINTR else { throw SystemError("fsync") }
        }
    }
}

/// Makes a folder unless it is there already.
func createDirectory(_ path: String) throws(SystemError) {
    guard mkdir(path, 0o750) == 0 || errno == EEXIST else { throw SystemError("mkdir") }
}
