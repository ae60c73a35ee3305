import Glibc

/// A call of the operating system that failed.
public struct SystemCallError: Error, CustomStringConvertible {
    /// What was tried, and on what: `open /tmp/x`.
    public let operation: String
    /// `errno` as the call left it.
    public let code: Int32

    public init(_ operation: String, code: Int32 = errno) {
        self.operation = operation
        self.code = code
    }

    public var description: String { "\(operation): \(String(cString: strerror(code)))" }

    /// Passes a result on, or throws when it is -1.
    @discardableResult
    static func check(
        _ operation: @autoclosure () -> String, _ result: Int32
    ) throws(SystemCallError) -> Int32 {
        guard result == -1 else { return result }
        let code = errno
        throw SystemCallError(operation(), code: code)
    }
}
