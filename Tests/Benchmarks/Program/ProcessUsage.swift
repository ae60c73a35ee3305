import DevHost
import Glibc

/// What a program's processes have used so far, from /proc (proc(5)).
struct ProcessUsage {
    /// User and system time of all processes, their ended children included, in microseconds.
    var cpu = 0.0
    /// The highest resident size of each process so far, added up, in bytes. Pages that processes share count for each.
    var peakMemory = 0
    var processes = 0

    /// Everything below `watcher`, which is not counted itself.
    static func below(_ watcher: pid_t) -> ProcessUsage {
        var usage = ProcessUsage()
        for process in descendants(of: watcher) { usage.add(process) }
        return usage
    }

    private static let ticks = Double(sysconf(Int32(_SC_CLK_TCK)))

    private static func descendants(of root: pid_t) -> [pid_t] {
        guard let names = try? Files.names(in: "/proc") else { return [] }
        var children: [pid_t: [pid_t]] = [:]
        for process in names.compactMap({ pid_t($0) }) {
            if let parent = fields(of: process).dropFirst().first.flatMap({ pid_t($0) }) {
                children[parent, default: []].append(process)
            }
        }
        var found: [pid_t] = []
        var waiting = children[root] ?? []
        while let process = waiting.popLast() {
            found.append(process)
            waiting += children[process] ?? []
        }
        return found
    }

    /// What follows the name in /proc/PID/stat, the state first; empty when the process is gone.
    private static func fields(of process: pid_t) -> [Substring] {
        guard let text = try? Files.read("/proc/\(process)/stat"), let name = text.lastIndex(of: ")") else { return [] }
        return text[text.index(after: name)...].split(separator: " ")
    }

    private mutating func add(_ process: pid_t) {
        let fields = Self.fields(of: process)
        guard fields.count > 15 else { return }
        // utime, stime, cutime, cstime: the 14th to 17th of all, the name being the 2nd.
        cpu += fields[11...14].compactMap { Double($0) }.reduce(0, +) / Self.ticks * 1_000_000
        processes += 1
        guard let status = try? Files.read("/proc/\(process)/status"),
            let line = status.split(separator: "\n").first(where: { $0.hasPrefix("VmHWM:") }),
            let kilobytes = line.split(whereSeparator: { $0 == " " || $0 == "\t" }).dropFirst().first
        else { return }
        peakMemory += (Int(kilobytes) ?? 0) * 1_024
    }
}
