import CGlibc

/// Why the last call of the operating system failed.
var errno: Int32 { cglibc_errno() }

/// The operating system's calls as they are needed here, in one place.
enum System {
    /// The path of the running executable, symbolic links resolved.
    static func executable() -> String? {
        var buffer = [UInt8](repeating: 0, count: Int(PATH_MAX))
        let count = readlink("/proc/self/exe", &buffer, buffer.count)
        guard count > 0 else { return nil }
        return String(decoding: buffer[..<count], as: UTF8.self)
    }

    /// One line for the web server's error log.
    static func complain(_ text: String) {
        let bytes = Array("callwaiting-cgi: \(text)\n".utf8)
        _ = write(2, bytes, bytes.count)
    }

    static func message(_ code: Int32) -> String { String(cString: strerror(code)) }

    /// Milliseconds of a clock that nobody sets.
    static func now() -> Int64 {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return Int64(time.tv_sec) * 1_000 + Int64(time.tv_nsec) / 1_000_000
    }

    /// poll(2), again when a signal interrupted it.
    ///
    /// - Parameter milliseconds: at most so long; 0 or less does not wait.
    /// - Returns: whether anything is ready.
    static func wait(_ descriptors: inout [pollfd], milliseconds: Int64) -> Bool {
        let end = now() + milliseconds
        while true {
            let left = Int32(clamping: max(0, end - now()))
            let ready = poll(&descriptors, nfds_t(descriptors.count), left)
            if ready >= 0 || errno != EINTR { return ready > 0 }
        }
    }
}
