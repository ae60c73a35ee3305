import DevHost
import FunctionService
import Glibc
import Logging

/// The host's own lines, and those of the emulators, in the file that its programs' lines go to.
enum HostLog {
    /// - Throws: `HostError` when the file cannot be opened.
    static func logger(at path: String) throws -> Logger {
        let descriptor = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw HostError("cannot write \(path)") }
        return Logger(label: "host") { JSONLogHandler(label: $0, descriptor: descriptor) }
    }
}
