import Glibc

/// How a process ended.
public enum Termination: Sendable, Equatable, CustomStringConvertible {
    case code(Int32)
    case signal(Int32)

    /// Reads what `waitpid` reports: the low seven bits are the signal, the next eight the code (wait(2)).
    init(waitStatus: Int32) {
        let signal = waitStatus & 0x7F
        self = signal == 0 ? .code((waitStatus >> 8) & 0xFF) : .signal(signal)
    }

    public var isSuccess: Bool { self == .code(0) }

    /// As a shell puts it in `$?`: 128 and the signal's number, when it was one.
    public var shellCode: Int32 {
        switch self {
        case .code(let code): code
        case .signal(let signal): 128 + signal
        }
    }

    public var description: String {
        switch self {
        case .code(let code): "exit status \(code)"
        case .signal(let signal): "signal \(signal) (\(String(cString: strsignal(signal))))"
        }
    }
}
