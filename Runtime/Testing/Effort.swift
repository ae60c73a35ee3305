#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// How hard tests try that could go on for ever, and how they say what they tried. `ATTACK=long` asks for all of it
/// (`make attack`); anything else for what fits into every test run.
public enum Effort {
    public static let isLong = variable("ATTACK") == "long"

    /// One of the two, by what was asked for.
    public static func pick<Value>(_ bounded: Value, long: Value) -> Value { isLong ? long : bounded }

    /// Notes that `count` cases of a kind were tried: a line in the file that `ATTACK_REPORT` names, if it names one.
    public static func tried(_ count: Int, _ kind: String) {
        guard let path = variable("ATTACK_REPORT") else { return }
        let line = Array("\(count)\t\(kind)\n".utf8)
        let file = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o600)
        guard file >= 0 else { return }
        _ = write(file, line, line.count)
        close(file)
    }

    private static func variable(_ name: String) -> String? { getenv(name).map { String(cString: $0) } }
}
